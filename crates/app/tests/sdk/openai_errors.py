"""What is refused arrives as the error classes of OpenAI's Python SDK."""

import os

import openai

MODEL = os.environ["MODEL"]


def client(key="API_KEY", **options):
    options = {"base_url": os.environ["BASE_URL"] + "/v1", "max_retries": 0, "timeout": 60} | options
    return openai.OpenAI(api_key=os.environ.get(key, key), **options)


def refused(kind, caller, **request):
    request = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]} | request
    try:
        caller.chat.completions.create(**request)
    except openai.APIStatusError as error:
        assert type(error) is kind, (type(error), error)
        assert error.request_id, error
        assert error.type and error.message, error.body
        return error
    raise AssertionError("not refused")


def saying(text):
    return [{"role": "user", "content": text}]


assert refused(openai.AuthenticationError, client("sk-wrong")).code == "invalid_api_key"
assert refused(openai.NotFoundError, client(), model="no-such-model").code == "model_not_found"
error = refused(openai.BadRequestError, client(), n=2)
assert (error.code, error.param) == ("unsupported_parameter", "n"), error
refused(openai.BadRequestError, client(), messages=[])
assert refused(openai.RateLimitError, client("POOR_KEY", max_retries=2)).code == "insufficient_quota"
refused(openai.InternalServerError, client(), messages=saying("break down"))
assert refused(openai.RateLimitError, client("BUSY_KEY", base_url=os.environ["BUSY_URL"] + "/v1")).response.headers[
    "retry-after"
]


def retried():
    # The SDK asks again by itself after a 5xx: the model breaks off the first answer to this, and no other.
    caller = client(max_retries=1)
    answer = caller.chat.completions.create(model=MODEL, messages=saying("break off once"))
    assert answer.choices[0].message.content == "Echo: break off once", answer


retried()
print("passed", "all")
