"""The bodies that operations take. What is not named here is a mistake, and is told with its place."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

Text = Annotated[str, Field(max_length=4 << 20)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
Object = dict[str, JsonValue]


class Body(BaseModel):
    """A JSON object; numbers are not taken for texts, nor texts for numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(Body):
    """How a stream ends."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Sampling(Body):
    """How the next token is chosen: OpenAI's parameters, and those that vLLM and llama.cpp have beside them."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=16)] | None = None
    max_tokens: Tokens | None = None
    stop: Text | Annotated[list[Text], Field(max_length=16)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    min_tokens: Annotated[int, Field(ge=0)] | None = None
    ignore_eos: bool | None = None
    stop_token_ids: list[int] | None = None
    skip_special_tokens: bool | None = None
    structured_outputs: Object | None = None


class Operation(Body):
    """What every operation of OpenAI's has."""

    model: ModelName
    user: Annotated[str, Field(max_length=512)] | None = None
    metadata: dict[str, str] | None = None
    safety_identifier: Annotated[str, Field(max_length=512)] | None = None


class ContentPart(Body):
    """A part of a message: a text, an image, a sound."""

    type: Literal["text", "image_url", "input_audio", "video_url", "audio_url", "file", "refusal"]
    text: Text | None = None
    image_url: Object | None = None
    input_audio: Object | None = None
    video_url: Object | None = None
    audio_url: Object | None = None
    file: Object | None = None
    refusal: Text | None = None


class Message(Body):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[ContentPart], Field(max_length=1000)] | None = None
    name: Annotated[str, Field(max_length=200)] | None = None
    refusal: Text | None = None
    reasoning_content: Text | None = None
    tool_calls: list[Object] | None = None
    tool_call_id: Annotated[str, Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Message:
        if self.content is None and not (self.role == "assistant" and (self.tool_calls or self.refusal)):
            raise ValueError("content is missing")
        return self


Messages = Annotated[list[Message], Field(min_length=1, max_length=2000)]


class ChatBody(Operation, Sampling):
    """POST /v1/chat/completions."""

    messages: Messages
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: Object | None = None
    tools: Annotated[list[Object], Field(max_length=512)] | None = None
    tool_choice: str | Object | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    chat_template_kwargs: Object | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None


class CompletionBody(Operation, Sampling):
    """POST /v1/completions."""

    prompt: Text | Annotated[list[Text] | list[int] | list[list[int]], Field(min_length=1, max_length=200_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: Text | None = None
    echo: bool | None = None
    best_of: Annotated[int, Field(ge=1, le=16)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None


class EmbeddingBody(Operation):
    """POST /v1/embeddings."""

    input: Text | Annotated[list[Text] | list[int] | list[list[int]], Field(min_length=1, max_length=200_000)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, le=100_000)] | None = None


class InferenceBody(Body):
    """POST /v1/inference: one operation for all models."""

    model: ModelName
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=10_000)] | None = None
    messages: Messages | None = None
    parameters: Sampling | None = None
    stream: bool = False

    @model_validator(mode="after")
    def _has_one_input(self) -> InferenceBody:
        if (self.input is None) == (self.messages is None):
            raise ValueError("either input or messages is wanted")
        return self


class UsageShape(BaseModel):
    """What an answer cost, in tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class InferenceAnswer(BaseModel):
    """What POST /v1/inference answers."""

    id: str
    model: str
    version: str
    track: str
    output: Any = Field(description="The text; for an embedding model, one vector for each input.")
    usage: UsageShape
    cached: bool
