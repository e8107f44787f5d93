#!/usr/bin/env python3
"""What is changed while carat runs (/set, /system, /show), and what the environment of other programs means."""
import os
import sys

sys.dont_write_bytecode = True  # nothing is left in the source folder
from model_server import ModelServer
from place import *


def configure(place, text):
    with open(os.path.join(place.home, "config.toml"), "w") as file:
        file.write(text)


def case_set():
    with Place() as place, ModelServer() as server:
        configure(place, f'[remote.big]\nurl = "{server.url("slow")}"\n')
        os.mkdir(os.path.join(place.work, ".carat"))
        place.write(".carat/config.toml", "[agent]\nmax_turns = 5\n")
        screen = Screen(place, "-m", "remote:big", columns=140, rows=60)

        def asked(text):
            screen.say(text)
            screen.wait("heard " + text)
            return server.requests[-1][2]
        try:
            screen.wait("big @127.0.0.1")
            check("temperature" not in asked("plain"), "unset is the server's own")
            screen.say("/set temperature 0.25")
            screen.wait("temperature: 0.25")
            body = asked("cool")
            check(body["temperature"] == 0.25 and "top_p" not in body, body)
            screen.say("/set parameter top_p 0.5")
            screen.wait("top_p: 0.5")
            screen.say("/set num_predict 77")
            screen.wait("max_tokens: 77")
            body = asked("narrow")
            check(body["top_p"] == 0.5 and 77 in (body.get("max_tokens"), body.get("max_completion_tokens")), body)
            for said, answer in (("temperature 99", "/set: model.temperature is 99, which must be a number from 0 to 10"),
                                 ("top_k many", "/set: model.top_k is many, which must be a whole number from 0 to"),
                                 ("max_turns 6", "this project's .carat/config.toml allows agent.max_turns of 5 at most"),
                                 ("num_ctx 100", "num_ctx is fixed at the start: carat --context, or model.context in config.toml."),
                                 ("remote.url http://x", "remote.url is fixed at the start: carat --remote-url"),
                                 ("frob 1", "There is no setting frob; /set lists what can be set now."),
                                 ("max_turns 4", "max_turns: 4"), ("think true", "Thinking is on."), ("nothink", "Thinking is off.")):
                screen.say("/set " + said)
                screen.wait(answer)
            screen.say("/set top_p default")
            screen.wait("top_p: the model's own")
            screen.say("/show parameters")
            screen.wait("temperature      0.25 (/set)", "max_turns        4 (/set)", "seed             0 ")
            check("temperature" in asked("still"), "it stayed")
            screen.say("/clear")
            screen.wait("Taken back: /set temperature, max_tokens, max_turns.", "A new conversation")
            check("temperature" not in asked("again"), server.requests[-1])
            screen.say("/set max_turns 6")
            screen.wait("at most")
        finally:
            screen.close()


def case_system():
    with Place() as place, ModelServer() as server:
        configure(place, f'[remote.big]\nurl = "{server.url("slow")}"\n')
        screen = Screen(place, "-m", "remote:big", columns=140, rows=50)

        def told(text):
            screen.say(text)
            screen.wait("heard " + text)
            return server.requests[-1][2]["messages"][0]
        try:
            screen.wait("big @127.0.0.1")
            usual = told("hello")
            check(usual["role"] == "system", usual)
            screen.say("/system")
            screen.wait("tokens of every request")
            screen.say("/system Answer as a pirate would.")
            screen.wait("A new conversation with this system text")
            check("pirate" in told("ahoy")["content"], server.requests[-1][2])
            screen.say("/show system")
            screen.wait("Answer as a pirate would.", "tokens of every request")
            screen.say("/new")
            screen.wait("A new conversation. The last one is kept")
            check("pirate" not in told("adieu")["content"], server.requests[-1][2])
        finally:
            screen.close()


def case_environment():
    """OPENAI_BASE_URL, OPENAI_API_KEY and OLLAMA_HOST mean something once a server was asked for, and the key has one host."""
    with Place() as place, ModelServer() as server, ModelServer() as stranger:
        env = {"OPENAI_BASE_URL": server.url("slow"), "OPENAI_API_KEY": "sk-environment",
               "OLLAMA_HOST": f"127.0.0.1:{server.port}"}

        def tried(*words, code=0, **more):
            del server.requests[:], stranger.requests[:]
            return place.carat("exec", *words, "hello", code=code, env={**env, **more})

        def keys(of):
            return [headers.get("Authorization") for _, headers, _ in of.requests]
        tried()
        for word in ("remote:gemma", "remote:", "remote:ollama/gemma", "remote:openai"):
            run = place.carat("exec", "my private words", env=dict(env, CARAT_MODEL=word, OLLAMA_HOST=server.url("slow")), code=2)
            check("CARAT_MODEL" in run.stderr and "-m remote:" in run.stderr and "model.path" in run.stderr, run.stderr)
        configure(place, '[remote.openai]\nurl = "openai"\nmodel = "gemma"\n')
        place.carat("exec", "my private words", env=dict(env, CARAT_MODEL="remote:openai"), code=2)
        configure(place, "")
        check(not server.requests, "the environment alone chose a server")
        configure(place, f'[remote.mine]\nurl = "{server.url("slow")}"\nmodel = "gemma"\n')
        place.carat("exec", "hello", env=dict(env, CARAT_MODEL="remote:mine"))
        configure(place, "")
        place.carat("exec", "--endpoint", "openai", "hello", env=dict(env, CARAT_MODEL="remote:gemma"))
        check([body["model"] for _, _, body in server.requests] == ["gemma", "gemma"], "where a file or a flag names the server")
        del server.requests[:]
        check("heard hello" in tried("-m", "remote:gemma").stdout and keys(server) == ["Bearer sk-environment"], keys(server))
        check(server.requests[0][2]["model"] == "gemma", server.requests[0])
        check("heard hello" in tried("--endpoint", "openai", "-m", "remote:gemma").stdout and keys(server)[0], keys(server))
        tried("-m", "remote:gemma", OPENAI_API_KEY="")
        check(keys(server) == [None], keys(server))
        run = tried("--endpoint", "openai", "-m", "remote:gemma", code=57, OPENAI_BASE_URL="")
        check("OPENAI_BASE_URL is not set" in run.stderr, run.stderr)
        check("or OPENAI_BASE_URL" in tried("-m", "remote:gemma", code=57, OPENAI_BASE_URL="").stderr, "nothing is named")

        # Another host never sees the key, whether it is named by a flag or by the file.
        configure(place, f'[remote.other]\nurl = "{stranger.url("slow")}"\n[remote.bare]\nmodel = "small"\n'
                         '[remote.keyed]\nkey_env = "OWN_KEY"\n')
        tried("--endpoint", stranger.url("slow"), "-m", "remote:gemma")
        check(keys(stranger) == [None] and not server.requests, keys(stranger))
        tried("-m", "remote:other")
        check(keys(stranger) == [None] and not server.requests, keys(stranger))
        tried("-m", "remote:bare")
        check(keys(server) == ["Bearer sk-environment"] and server.requests[0][2]["model"] == "small", server.requests)
        tried("-m", "remote:keyed", OWN_KEY="sk-own")
        check(keys(server) == ["Bearer sk-own"], keys(server))

        # Ollama's server is asked without a key.
        tried("-m", "remote:ollama/gemma3", code=None)
        check(server.requests and server.requests[0][0] == "/v1/chat/completions" and keys(server)[0] is None, server.requests)
        check(server.requests[0][2]["model"] == "gemma3", server.requests[0])
        check("remote:ollama/MODEL" in tried("-m", "remote:ollama", code=57).stderr, "which model")
        check("--offline" in tried("--offline", "-m", "remote:ollama/gemma3", code=2).stderr, "offline")
        check(not server.requests, "offline")


def case_hub_cache():
    """What others have fetched into Hugging Face's cache is listed and found by its name, and never taken by itself."""
    with Place() as place:
        hub = os.path.join(place.root, "hf", "hub")
        blobs = os.path.join(hub, "models--owner--some-GGUF", "blobs")
        snapshot = os.path.join(hub, "models--owner--some-GGUF", "snapshots", "0123abcd")
        old = os.path.join(hub, "models--owner--some-GGUF", "snapshots", "0000aaaa")
        refs = os.path.join(hub, "models--owner--some-GGUF", "refs")
        for folder in (blobs, snapshot, old, refs):
            os.makedirs(folder)
        with open(os.path.join(refs, "main"), "w") as file:
            file.write("0123abcd")
        shutil.copy(NANO, os.path.join(blobs, "feed"))
        os.symlink("../../blobs/feed", os.path.join(snapshot, "some-Q4_0.gguf"))
        os.symlink("../../blobs/none", os.path.join(snapshot, "dangling.gguf"))
        os.symlink("../../blobs/feed", os.path.join(old, "older.gguf"))
        env = {"HF_HOME": os.path.join(place.root, "hf")}
        listed = place.carat("models", "list", env=env).stdout
        check("owner/some-GGUF/some-Q4_0.gguf" in listed and "dangling" not in listed and "older" not in listed, listed)
        check("some-GGUF" not in place.carat("models", "list").stdout, "the control: it comes from HF_HOME")
        place.write("river.txt", "water\n")
        for name in ("owner/some-GGUF/some-Q4_0.gguf", "some-Q4_0.gguf"):
            check("river.txt" in place.carat("exec", "-m", name, "list the files", env=env).stdout, name)
        place.carat("exec", "-m", "some-Q4_0.gguf", "hello", code=57)
        check("nano" in place.carat("doctor", code=None, env=env).stdout, "it is no default")
        screen = Screen(place, "-m", "nano", columns=120, rows=40, extra=env)
        try:
            screen.wait("of 8192")
            screen.say("/model owner/some")
            screen.wait("goes on with this conversation.")
            screen.say("/model")
            screen.wait("* owner/some-GGUF/some-Q4_0.gguf")
        finally:
            screen.close()


main(globals())
