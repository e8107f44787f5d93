#!/usr/bin/env python3
"""carat acp beside the published client library (agent-client-protocol on PyPI): acp_client.py BUILD-FOLDER SOURCE-FOLDER.

The library checks every message against the protocol's schema and refuses what does not fit. Without it there is nothing to
try, and the program says so and ends with 77, which is "not run".
"""
import asyncio
import os
import sys
import tempfile

try:
    import acp
    from acp.schema import AllowedOutcome, ClientCapabilities, RequestPermissionResponse
except ImportError:
    print("the package agent-client-protocol is not there")
    sys.exit(77)

BUILD, SOURCE = (os.path.abspath(path) for path in sys.argv[1:3])


class Editor(acp.Client):
    def __init__(self):
        self.updates, self.permissions = [], []

    async def request_permission(self, session_id, tool_call, options, **kwargs):
        self.permissions.append((tool_call, options))
        chosen = [option.option_id for option in options if option.kind == "allow_once"][0]
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen))

    async def session_update(self, session_id, update, **kwargs):
        self.updates.append(update)

    def kinds(self):
        return [update.session_update for update in self.updates]


async def turns(folder):
    editor = Editor()
    home = os.path.join(folder, "home")
    work = os.path.join(folder, "work")
    os.mkdir(home)
    os.mkdir(work)
    env = dict(os.environ, CARAT_HOME=home, HOME=home)
    async with acp.spawn_agent_process(lambda agent: editor, os.path.join(BUILD, "carat"), "acp", env=env, cwd=work) as (agent, process):
        hello = await agent.initialize(protocol_version=acp.PROTOCOL_VERSION, client_capabilities=ClientCapabilities())
        assert hello.protocol_version == 1 and hello.agent_capabilities.load_session, hello
        session = await agent.new_session(cwd=work, mcp_servers=[])
        assert session.modes.current_mode_id == "ask", session
        done = await agent.prompt(session_id=session.session_id,
                                  prompt=[acp.text_block("create notes.txt with the text hello river")])
        assert done.stop_reason == "end_turn", done
        assert open(os.path.join(work, "notes.txt")).read().startswith("hello river")
        assert len(editor.permissions) == 1, editor.permissions
        assert {"tool_call", "tool_call_update", "agent_message_chunk", "available_commands_update", "usage_update"} <= set(editor.kinds())
        await agent.set_session_mode(session_id=session.session_id, mode_id="full")
        await agent.prompt(session_id=session.session_id, prompt=[acp.text_block("what is 17 * 23")])
        assert len(editor.permissions) == 1, "full does not ask"
        running = asyncio.create_task(agent.prompt(session_id=session.session_id, prompt=[acp.text_block("what is 17 * 23")]))
        await agent.cancel(session_id=session.session_id)
        assert (await running).stop_reason in ("cancelled", "end_turn")
        listed = await agent.list_sessions(cwd=work)
        assert [one.session_id for one in listed.sessions] == [session.session_id], listed
        editor.updates.clear()
        await agent.load_session(session_id=session.session_id, cwd=work, mcp_servers=[])
        assert editor.kinds().count("user_message_chunk") >= 2 and "tool_call" in editor.kinds(), editor.kinds()
        try:
            await agent.set_session_mode(session_id=session.session_id, mode_id="nonsense")
            raise AssertionError("a mode that is none")
        except acp.RequestError as refusal:
            assert "nonsense" in str(refusal.data or refusal), refusal
    return editor


with tempfile.TemporaryDirectory(prefix="carat-peer-") as place:
    seen = asyncio.run(asyncio.wait_for(turns(place), 120))
    print("agent-client-protocol: all messages fit its schema")
