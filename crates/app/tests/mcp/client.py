"""`/mcp` as the official SDK's client asks it: in the newest way, and with the handshake of older versions."""

import asyncio
import json
import os

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

URL = os.environ["MCP_URL"]


def transport(key="API_KEY"):
    http = httpx2.AsyncClient(headers={"authorization": f"Bearer {os.environ[key]}"}, timeout=60)
    return streamable_http_client(URL, http_client=http)


async def tools(mode):
    async with Client(transport(), mode=mode) as client:
        found = (await client.list_tools()).tools
        assert [tool.name for tool in found] == ["get_book_recommendations", "get_book_summaries"], found
        assert found[0].input_schema["properties"]["limit"]["default"] == 5, found
        assert found[0].annotations.read_only_hint and found[0].title, found

        result = await client.call_tool("get_book_recommendations", {"content": "the sea", "limit": 1})
        assert not result.is_error, result
        told = json.loads(result.content[0].text)
        assert told == result.structured_content, result
        assert [book["title"] for book in told["recommendations"]] == ["Salt and Sails"], told

        result = await client.call_tool("get_book_summaries", {"titles": ["Salt and Sails", "Unwritten"]})
        told = json.loads(result.content[0].text)
        assert told["summaries"][0]["summary"] == "In full: A crew crosses a cold sea.", told
        assert told["not_found"][0]["asked"] == "Unwritten", told

        result = await client.call_tool("get_book_summaries", {})
        assert result.is_error and "titles" in result.content[0].text, result
        try:
            await client.call_tool("delete_everything", {})
        except MCPError as error:
            assert error.code == -32602, error
        else:
            raise AssertionError("a tool that there is not was called")
        if mode == "legacy":
            await client.send_ping()
        await asyncio.gather(*(client.call_tool("get_book_recommendations", {"content": "sea"}) for _ in range(20)))
        return client


async def refused():
    os.environ["WRONG"] = "sk-wrong"
    try:
        async with Client(transport("WRONG")) as client:
            await client.list_tools()
    except Exception:
        return
    raise AssertionError("a wrong key was taken")


async def main():
    for mode in ("auto", "legacy", "2026-07-28"):
        await tools(mode)
        print("passed", mode, flush=True)
    await refused()
    print("passed refused", flush=True)


asyncio.run(main())
