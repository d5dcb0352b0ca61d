"""Tell in which language a text is, cheaply: by its script, and where that is Latin by the commonest words."""

from __future__ import annotations

import re
from collections import defaultdict

# What is looked at: people greet at the beginning, and ask at the end.
_SAMPLE = 128
# Of these, so many characters show the script.
_LETTERS = 40
# Fewer words of a language than these are chance.
_FEWEST = 2
_WORD = re.compile(r"\w+")
# Where fewer letters are of another script, they are names and brands, or words beside code.
_FOREIGN_SHARE = 0.3

# Words that stand in nearly every sentence of one of these languages and are rare in the others.
_COMMON = {
    "english": "the of and to is that it for with this are what how you please be was can have not your which from",
    "german": "der die das und ist nicht ein eine mit für auf den wie ich sie bitte dem zu von wird was auch kann oder",
    "french": "le les des et est une pour dans que qui sur avec pas vous je ce cette sont du quels comment au aux ou",
    "spanish": "el los las y es una por con para no se del como qué esta este lo su más pero son cómo al hay",
    "italian": "il gli di e che è un per non con una sono della nel questo questa come cosa del alla dei le più ma",
    "portuguese": "o os as e do da em um uma para não com que é dos das no na por mais como isso ao são você seu",
    "dutch": "het een van en is dat niet op te voor met zijn ik je hoe wat deze naar ook maar bij kan hebben worden",
    "polish": "się nie na jest i w że to z jak do czy jaki dla po są co przez lub ale tym który proszę od może",
}  # fmt: skip
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _COMMON.items():
    for _word in set(_words.split()):
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)


# Where scripts are, in blocks of 128 characters; what is in none is Latin, or of a script that is counted as `other`.
_BLOCK = 7
_SCRIPTS = {
    "greek": ((0x0380, 0x03FF), (0x1F00, 0x1FFF)),
    "cyrillic": ((0x0400, 0x057F),),
    "hebrew": ((0x0580, 0x05FF),),
    "arabic": ((0x0600, 0x077F), (0xFE80, 0xFEFF)),
    "devanagari": ((0x0900, 0x097F),),
    "thai": ((0x0E00, 0x0E7F),),
    "japanese": ((0x3000, 0x30FF),),
    "korean": ((0x1100, 0x11FF), (0xAC00, 0xD7FF)),
    "chinese": ((0x3400, 0x9FFF),),
}
_SCRIPT_OF = {
    block: name
    for name, ranges in _SCRIPTS.items()
    for first, last in ranges
    for block in range(first >> _BLOCK, (last >> _BLOCK) + 1)
}
_LATIN, _LATIN_LETTERS = "latin", 0x024F
# Japanese writes most of its nouns in Chinese characters.
_JAPANESE_SHARE = 0.1

OTHER = "other"
LANGUAGES = (*_COMMON, *_SCRIPTS, OTHER)


def language_of(text: str) -> str:
    """Return one of `LANGUAGES`; `other` where the text is too short, no language, or one that is not known."""
    sample = text if len(text) <= 2 * _SAMPLE else f"{text[:_SAMPLE]} {text[-_SAMPLE:]}"
    script = _LATIN if sample.isascii() else _script_of(sample)
    return _latin_language_of(sample) if script == _LATIN else script


def _latin_language_of(sample: str) -> str:
    found: defaultdict[str, int] = defaultdict(int)
    for word in _WORD.findall(sample.lower()):
        for language in _LANGUAGES_OF.get(word, ()):
            found[language] += 1
    most = max(found.values(), default=0)
    likely = [language for language, words in found.items() if words == most]
    # Two that are equally likely are neither.
    return likely[0] if most >= _FEWEST and len(likely) == 1 else OTHER


def _script_of(sample: str) -> str:
    found: defaultdict[str, int] = defaultdict(int)
    for letter in sample[:: len(sample) // _LETTERS + 1]:
        if letter.isalpha():
            code = ord(letter)
            found[_LATIN if code <= _LATIN_LETTERS else _SCRIPT_OF.get(code >> _BLOCK, OTHER)] += 1
    latin, letters = found.pop(_LATIN, 0), sum(found.values())
    if letters <= _FOREIGN_SHARE * (latin + letters):
        return _LATIN
    if found["japanese"] > _JAPANESE_SHARE * found["chinese"]:
        return "japanese"
    return max(found, key=lambda script: found[script])
