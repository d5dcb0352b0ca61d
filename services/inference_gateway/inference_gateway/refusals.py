"""Tell whether an answer is a refusal, by how it begins: engines say nothing of it, and nobody else reads answers."""

from __future__ import annotations

import re

# Refusals say so at once; what stands further behind may be a quotation.
LONGEST_START = 160

# An apology or a turn of speech before it, and then what it comes to. Curly apostrophes are straight ones here.
_BEFORE = r"(?:(?:i'?m|i am|we'?re) (?:(?:really|very|so) )?sorry|sorry|i apologi[sz]e|unfortunately|as an ai[^,.]*)"
_PATTERNS = (
    # English
    rf"(?:{_BEFORE}[,.;:!]? ?(?:but )?(?:for [^,.]*[,.] ?)?(?:but )?)?"
    r"(?:i|we) (?:cannot|can'?t|can not|won'?t|will not|must (?:decline|refuse)|have to decline|"
    r"do(?: not|n'?t) feel comfortable)",
    r"(?:i'?m|i am) (?:not able to|unable to|not (?:going|willing) to|not comfortable|not allowed|not permitted)",
    r"(?:i'?m|i am) (?:really |very |so )?sorry[,.]? (?:but )?(?:i|that|this|it)\b",
    # German
    r"(?:(?:es )?tut mir (?:sehr )?leid|leider|entschuldigung).{0,40}?\b(?:kann|darf|werde) (?:ich|dir|ihnen)\b",
    r"(?:das|dabei|hierbei|diese[rnms]? \w+) (?:kann|darf|werde) ich (?:\w+ ){0,3}nicht",
    r"ich (?:kann|darf|werde) (?:\w+ ){0,4}(?:nicht|keine?[nmrs]?)\b",
    # French
    r"(?:je suis (?:vraiment )?désolée?|désolée?|malheureusement).{0,30}?\bje ne (?:peux|suis|pourrai)",
    r"je ne (?:peux|pourrai|suis) (?:malheureusement )?pas (?:en mesure|vous|t'|répondre|fournir|aider|accéder|faire)",
    # Spanish
    r"(?:lo siento|lamentablemente|lo lamento|perdón).{0,30}?\bno (?:puedo|podré|me es posible)",
    r"no puedo (?:ayudar|proporcionar|cumplir|responder|hacer|ofrecer|asistir)",
    # Italian
    r"(?:mi dispiace|purtroppo|spiacente).{0,30}?\bnon (?:posso|sono in grado)",
    r"non (?:posso|sono in grado di) (?:aiutar|fornir|risponder|soddisfar|assister)",
    # Portuguese
    r"(?:desculpe|sinto muito|lamento|infelizmente).{0,30}?\bnão (?:posso|consigo)",
    r"não (?:posso|consigo) (?:ajudar|fornecer|responder|atender)",
    # Dutch
    r"(?:het spijt me|sorry|helaas).{0,30}?\bkan ik (?:\w+ ){0,4}(?:niet|geen)",
    r"ik kan (?:je |u |jou )?(?:hier|daar|hiermee|daarmee).{0,30}?\b(?:niet|geen)",
    # Polish
    r"(?:przykro mi|przepraszam|niestety).{0,30}?\bnie (?:mogę|jestem w stanie)",
    r"nie mogę (?:pomóc|udzielić|odpowiedzieć|spełnić)",
    # Russian, Ukrainian
    r"(?:извините|простите|к сожалению|мне жаль|вибачте|на жаль).{0,30}?\b(?:не могу|не можу|не смогу)",
    r"я не (?:могу|можу|смогу) (?:помочь|предоставить|ответить|выполнить|допомогти|надати)",
    # Chinese, Japanese, Korean
    r"(?:很?抱歉|对不起|對不起|不好意思).{0,20}?(?:无法|無法|不能|不可以)",
    r"我(?:无法|無法|不能)(?:提供|协助|協助|回答|帮助|幫助|满足|滿足)",
    r"(?:申し訳|すみません|恐れ入り).{0,60}?(?:できません|出来ません|お答えでき|致しかね|いたしかね)",
    r"(?:죄송|미안).{0,60}?(?:수 없|드릴 수 없|어렵습니다)",
    # Arabic
    r"(?:آسف|عذرا|عذرًا|أعتذر|للأسف).{0,30}?لا (?:أستطيع|يمكنني)",
)
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)
# What engines and templates put before the first word.
_LEADING = " \t\r\n\"'*_#>-"


def is_refusal(start: str) -> bool:
    """Return whether an answer that begins like this refuses."""
    text = start[:LONGEST_START].lstrip(_LEADING).replace("\u2019", "'")
    return _REFUSAL.match(text) is not None
