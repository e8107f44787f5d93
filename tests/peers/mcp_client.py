#!/usr/bin/env python3
"""carat mcp beside the published client library (mcp on PyPI, 2.x): mcp_client.py BUILD-FOLDER.

In each manner of the protocol that the library speaks. Without it there is nothing to try, and the program says so and ends
with 77, which is "not run".
"""
import asyncio
import os
import sys
import tempfile

try:
    from mcp import Client, StdioServerParameters, stdio_client
    from mcp.types import ElicitResult
except ImportError:
    print("the package mcp, version 2, is not there")
    sys.exit(77)

BUILD = os.path.abspath(sys.argv[1])


async def session(mode):
    asked, news = [], []

    async def elicit(context, params):
        asked.append(params.message)
        return ElicitResult(action="accept", content={"decision": "allow once"})

    async def progress(done, total, message):
        news.append(message)

    with tempfile.TemporaryDirectory(prefix="carat-peer-") as place:
        env = {"CARAT_HOME": place, "HOME": place}
        work = os.path.join(place, "work")
        os.mkdir(work)
        server = StdioServerParameters(command=os.path.join(BUILD, "carat"), args=["mcp", "--mode", "auto-edit"], env=env, cwd=work)
        async with Client(stdio_client(server), mode=mode, elicitation_callback=elicit) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            assert tools[0] == "shell" and tools[-2:] == ["carat", "carat-reply"], tools
            made = await client.call_tool("shell", {"command": "echo hello > made; cat made"})
            assert not made.is_error and made.content[0].text.strip() == "hello", made
            assert len(asked) == 1 and "echo hello" in asked[0], asked
            read = await client.call_tool("read_file", {"path": "made"})
            assert "hello" in read.content[0].text and len(asked) == 1, read
            turn = await client.call_tool("carat", {"prompt": "create notes.txt with the text hello river"}, progress_callback=progress)
            assert not turn.is_error and os.path.exists(os.path.join(work, "notes.txt")), turn
            thread = turn.structured_content["threadId"]
            more = await client.call_tool("carat-reply", {"threadId": thread, "prompt": "hello"})
            assert more.structured_content["threadId"] == thread, more
            assert news, "progress"
            wrong = await client.call_tool("read_file", {"path": "../secret"})
            assert wrong.is_error, wrong
            return client.protocol_version


for manner in ("auto", "legacy", "2026-07-28"):
    version = asyncio.run(asyncio.wait_for(session(manner), 120))
    print(f"mcp: {manner}: {version}: all as expected")
