"""LangChain's models for OpenAI and for Anthropic, each through its own interface of the program."""

import os

# Nothing that it does is to be reported anywhere.
os.environ["LANGSMITH_TRACING"] = "false"

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

OPENAI = {
    "base_url": os.environ["BASE_URL"] + "/v1",
    "api_key": os.environ["API_KEY"],
    "max_retries": 0,
    "timeout": 60,
}
ANTHROPIC = OPENAI | {"base_url": os.environ["BASE_URL"]}
MODEL = os.environ["MODEL"]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MODELS = {
    # Of any address but OpenAI's it asks for a stream's usage only when it is told to.
    "chat completions": ChatOpenAI(model=MODEL, stream_usage=True, **OPENAI),
    "responses": ChatOpenAI(model=MODEL, use_responses_api=True, **OPENAI),
    "messages": ChatAnthropic(model=MODEL, max_tokens=200, **ANTHROPIC),
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return "rain"


def whole(model):
    answer = model.invoke([SystemMessage("Be brief."), HumanMessage("hello there")])
    assert answer.text == "Echo: hello there", answer
    used = answer.usage_metadata
    assert used["input_tokens"] > 0 and used["output_tokens"] > 0, used


def streamed(model):
    chunks = list(model.stream("hello there"))
    assert "".join(chunk.text for chunk in chunks) == "Echo: hello there", chunks
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata["output_tokens"] > 0, whole


def tools(model):
    model = model.bind_tools([get_weather])
    messages = [HumanMessage("the weather, please")]
    streamed = None
    for chunk in model.stream(messages):
        streamed = chunk if streamed is None else streamed + chunk
    for asked in (model.invoke(messages), streamed):
        (call,) = asked.tool_calls
        assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"}), asked
        answer = model.invoke([*messages, asked, get_weather.invoke(call)])
        assert answer.text == "In Oslo: rain", answer


def image(model):
    picture = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
    answer = model.invoke([HumanMessage([{"type": "text", "text": "what is this?"}, picture])])
    assert answer.text == "An image of image/png", answer


def structured(model):
    method = {"method": "json_schema"}
    answer = model.with_structured_output(Person, **method).invoke("Ada Lovelace")
    assert answer == Person(name="Ada Lovelace", age=0), answer


def embeddings():
    # Unless it is told otherwise it cuts texts to lists of tokens, by a table that it fetches.
    model = OpenAIEmbeddings(model=os.environ["EMBEDDING_MODEL"], check_embedding_ctx_length=False, **OPENAI)
    sea, mountain = model.embed_documents(["the sea", "a mountain"])
    assert len(sea) == len(mountain) > 0 and sea != mountain


for case in (whole, streamed, tools, image, structured):
    for name, model in MODELS.items():
        case(model)
        print("passed", case.__name__, "by", name, flush=True)
embeddings()
print("passed embeddings", flush=True)
