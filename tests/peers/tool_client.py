#!/usr/bin/env python3
"""carat-tool's own servers beside the published client library (mcp on PyPI, 2.x): tool_client.py BUILD-FOLDER.

The file tools and the shell, each in its sandbox, by each manner of the protocol. Without the library there is nothing to try,
and the program says so and ends with 77, which is "not run".
"""
import asyncio
import os
import sys
import tempfile

try:
    from mcp import Client, StdioServerParameters, stdio_client
except ImportError:
    print("the package mcp, version 2, is not there")
    sys.exit(77)

BUILD = os.path.abspath(sys.argv[1])


def client(kind, place, mode):
    words = [kind, "--workspace", os.path.join(place, "work")]
    return Client(stdio_client(StdioServerParameters(command=os.path.join(BUILD, "carat-tool"), args=words, env={"HOME": place}, cwd=place)), mode=mode)


async def session(mode):
    with tempfile.TemporaryDirectory(prefix="carat-peer-", dir=os.environ.get("CARAT_PEER_PLACE")) as place:
        os.mkdir(os.path.join(place, "work"))
        with open(os.path.join(place, "secret"), "w") as file:
            file.write("SECRET")
        async with client("shell", place, mode) as shell:
            names = [tool.name for tool in (await shell.list_tools()).tools]
            assert "shell" in names, names
            made = await shell.call_tool("shell", {"command": "echo hello > made; cat made; cat ../secret; exit 3"})
            assert "hello" in made.content[0].text and "SECRET" not in made.content[0].text, made
            assert made.structured_content["exit_code"] == 3, made
        async with client("files", place, mode) as files:
            names = [tool.name for tool in (await files.list_tools()).tools]
            assert {"read_file", "write_file", "edit_file", "list_files", "search_files"} <= set(names), names
            read = await files.call_tool("read_file", {"path": "made"})
            assert not read.is_error and "hello" in read.content[0].text, read
            edited = await files.call_tool("edit_file", {"path": "made", "old_text": "hello", "new_text": "good-bye"})
            assert not edited.is_error and open(os.path.join(place, "work", "made")).read() == "good-bye\n", edited
            wrong = await files.call_tool("read_file", {"path": "../secret"})
            assert wrong.is_error and "SECRET" not in wrong.content[0].text, wrong
            return files.protocol_version


for manner in ("auto", "legacy", "2026-07-28"):
    version = asyncio.run(asyncio.wait_for(session(manner), 120))
    print(f"carat-tool: {manner}: {version}: all as expected")
