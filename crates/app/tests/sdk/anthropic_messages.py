"""Messages as Anthropic's Python SDK asks for them and reads them."""

import os

import anthropic
from pydantic import BaseModel

MODEL = os.environ["MODEL"]
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Person(BaseModel):
    name: str
    age: int


def client(key="API_KEY", **options):
    # Only the key that is given: variables of the machine must not decide.
    options = {"base_url": os.environ["BASE_URL"], "max_retries": 0, "timeout": 60} | options
    return anthropic.Anthropic(api_key=os.environ.get(key, key), **options)


def ask(caller=None, text="hello there", **request):
    request = {"model": MODEL, "max_tokens": 200, "messages": [{"role": "user", "content": text}]} | request
    return (caller or client()).messages.create(**request)


def whole():
    message = ask(system="Be brief.")
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn"), message
    assert [block.text for block in message.content] == ["Echo: hello there"], message
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0, message


def streamed():
    messages = [{"role": "user", "content": "hello there"}]
    with client().messages.stream(model=MODEL, max_tokens=200, messages=messages) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text == "Echo: hello there", final
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0, final


def tools():
    messages = [{"role": "user", "content": "the weather, please"}]
    first = ask(messages=messages, tools=[WEATHER])
    assert first.stop_reason == "tool_use", first
    (call,) = [block for block in first.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"city": "Oslo"}), first
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    assert ask(messages=messages, tools=[WEATHER]).content[0].text == "In Oslo: rain"


def streamed_tools():
    messages = [{"role": "user", "content": "the weather, please"}]
    with client().messages.stream(model=MODEL, max_tokens=200, messages=messages, tools=[WEATHER]) as stream:
        begun = [event.content_block.type for event in stream if event.type == "content_block_start"]
        first = stream.get_final_message()
    assert begun == ["tool_use"] and first.stop_reason == "tool_use", first
    (call,) = first.content
    assert (call.name, call.input) == ("get_weather", {"city": "Oslo"}), first
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "rain"}]}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    with client().messages.stream(model=MODEL, max_tokens=200, messages=messages, tools=[WEATHER]) as stream:
        assert stream.get_final_text() == "In Oslo: rain"


def images():
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "text", "text": "what is this?"}, {"type": "image", "source": source}]
    message = ask(messages=[{"role": "user", "content": content}])
    assert message.content[0].text == "An image of image/png", message


def structured():
    messages = [{"role": "user", "content": "Ada Lovelace"}]
    message = client().messages.parse(model=MODEL, max_tokens=200, messages=messages, output_format=Person)
    assert message.parsed_output == Person(name="Ada Lovelace", age=0), message


def retried():
    # The SDK asks again by itself after a 5xx: the model breaks off the first answer to this, and no other.
    message = ask(client(max_retries=1), "break off once")
    assert message.content[0].text == "Echo: break off once", message


def refusals():
    def refused(kind, status, *arguments, **request):
        try:
            ask(*arguments, **request)
        except anthropic.APIStatusError as error:
            assert isinstance(error, kind) and error.status_code == status, (type(error), error)
            assert error.body["type"] == "error" and error.body["error"]["message"], error.body
            return error.body["error"]["type"]
        raise AssertionError("not refused")

    assert refused(anthropic.AuthenticationError, 401, client("sk-wrong")) == "authentication_error"
    assert refused(anthropic.NotFoundError, 404, model="no-such-model") == "not_found_error"
    assert refused(anthropic.BadRequestError, 400, messages=[]) == "invalid_request_error"
    refused(anthropic.APIStatusError, 402, client("POOR_KEY"))
    assert refused(anthropic.InternalServerError, 502, text="break down") == "api_error"
    busy = client("BUSY_KEY", base_url=os.environ["BUSY_URL"])
    assert refused(anthropic.RateLimitError, 429, busy) == "rate_limit_error"


for case in (whole, streamed, tools, streamed_tools, images, structured, retried, refusals):
    case()
    print("passed", case.__name__, flush=True)
