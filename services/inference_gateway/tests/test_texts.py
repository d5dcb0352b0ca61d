"""Languages are told by script and commonest words, and refusals by how an answer begins."""

from __future__ import annotations

import pytest
from inference_gateway.languages import LANGUAGES, language_of
from inference_gateway.refusals import is_refusal


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the best way to write a letter to the doctor of my mother?", "english"),
        ("Bitte fasse den Befund für die Patientin zusammen, und zwar in einem Satz.", "german"),
        ("Quels sont les symptômes de la grippe, et que faut-il faire dans ce cas ?", "french"),
        ("¿Cuáles son los síntomas de la gripe y qué se debe hacer en este caso?", "spanish"),
        ("Quali sono i sintomi che non devo ignorare, e come posso scrivere di questo al medico?", "italian"),
        ("Quais são os sintomas da gripe e o que você deve fazer em casa? Não sei como.", "portuguese"),
        ("Wat zijn de symptomen van griep en hoe kan ik dat het beste aan mijn arts vertellen?", "dutch"),
        ("Jakie są objawy grypy i co należy zrobić, jeżeli się pojawią? Proszę o to w punktach.", "polish"),
        ("Какие симптомы гриппа?", "cyrillic"),
        ("Ποια είναι τα συμπτώματα της γρίπης;", "greek"),
        ("ما هي أعراض الأنفلونزا؟", "arabic"),
        ("מהם התסמינים של שפעת?", "hebrew"),
        ("फ्लू के लक्षण क्या हैं?", "devanagari"),
        ("อาการของไข้หวัดใหญ่มีอะไรบ้าง", "thai"),
        ("流感有哪些症状？", "chinese"),  # noqa: RUF001 (their own signs)
        ("インフルエンザの症状は何ですか。", "japanese"),
        ("독감의 증상은 무엇입니까?", "korean"),
        ("请解释 HTTP 503 的含义，以及 nginx 为什么会这样回答。", "chinese"),  # noqa: RUF001 (their own signs)
        ("def area(radius): return 3.14159 * radius ** 2", "other"),
        ("Hi", "other"),
        ("", "other"),
        ("🙂🙂🙂", "other"),
    ],
)
def test_a_texts_language_is_told(text: str, language: str) -> None:
    assert language_of(text) == language
    assert language in LANGUAGES


def test_a_long_text_is_told_by_both_its_ends() -> None:
    assert language_of("x" * 1_000_000 + " What is the meaning of this for my letter?") == "english"


@pytest.mark.parametrize(
    "start",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, I cannot provide medical advice.",
        "Sorry, but I can't do that.",
        "I cannot assist with this request.",
        "I'm unable to help you with that.",
        "As an AI language model, I cannot give opinions.",
        "Unfortunately, I will not be able to continue.",
        "**I must decline** to answer.",
        "Leider kann ich Ihnen dabei nicht helfen.",
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
        "Ich kann diese Frage nicht beantworten.",
        "Das kann ich leider nicht beantworten.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Mi dispiace, ma non posso aiutarti.",
        "Desculpe, mas não posso ajudar com isso.",
        "Het spijt me, maar daar kan ik je niet mee helpen.",
        "Przykro mi, ale nie mogę w tym pomóc.",
        "Извините, но я не могу помочь с этим.",  # noqa: RUF001 (their own signs)
        "很抱歉，我无法提供这方面的帮助。",  # noqa: RUF001 (their own signs)
        "申し訳ございませんが、そのご質問にはお答えできません。",
        "죄송합니다. 도와드릴 수 없습니다.",
        "عذرا، لا أستطيع المساعدة",
    ],
)
def test_a_refusal_is_known_by_its_beginning(start: str) -> None:
    assert is_refusal(start)


@pytest.mark.parametrize(
    "start",
    [
        "The patient was admitted with fever.",
        "I can help you with that.",
        "Sorry to hear that! Here is what helps against a cold:",
        "You cannot mix these two medicines.",
        "The letter begins: \"I'm sorry, but I can't come.\"",
        "Sie können die Frage beantworten, indem Sie den Arzt anrufen.",
        "Je peux vous aider.",
        "",
    ],
)
def test_an_answer_is_no_refusal(start: str) -> None:
    assert not is_refusal(start)
