#!/usr/bin/env python3
"""Pictures and sounds over HTTP: serve_media.py CASE BUILD-FOLDER SOURCE-FOLDER. What carat serve hears and sees from a client is
what carat exec hears and sees from a file; what is no picture, or lies elsewhere, is refused in words. And the other way round:
carat as the client of a server is asked with the very file that the user gave."""
import base64

from media import picture, said, sound
from serve import Server, chat, chunks, text_of
from place import *  # noqa: F401,F403


def data(path):
    return base64.b64encode(open(path, "rb").read()).decode()


def url(path):
    return "data:image/png;base64," + data(path)


def image_part(path):
    return {"type": "image_url", "image_url": {"url": url(path)}}


def looking(*parts, **more):
    return chat([*parts, {"type": "text", "text": "what do you see?"}], max_tokens=60, **more)


def case_pictures():
    with Place() as place, Server(place) as server:
        for number in (0, 1, 0):  # the third time its soft tokens are remembered
            answer = server.json("/v1/chat/completions", looking(image_part(picture(number))))
            check(text_of(answer).strip() == said(f"picture{number:02}.png"), answer)
        _, _, text = server.ask("/v1/chat/completions", looking(image_part(picture(0)), stream=True))
        streamed = "".join(part["choices"][0]["delta"].get("content") or "" for part in chunks(text))
        check(streamed.strip() == said("picture00.png"), streamed)
        blind = text_of(server.json("/v1/chat/completions", looking()))  # the control: without a picture
        check(blind.strip() != said("picture00.png"), blind)
        answer = server.json("/v1/responses", {"model": "nano", "temperature": 0, "max_output_tokens": 60, "input": [
            {"role": "user", "content": [{"type": "input_image", "image_url": url(picture(1)), "detail": "auto"},
                                         {"type": "input_text", "text": "what do you see?"}]}]})
        check(answer["output"][0]["content"][0]["text"].strip() == said("picture01.png"), answer)
        options = {"temperature": 0, "num_predict": 60}
        answer = server.json("/api/chat", {"model": "nano", "stream": False, "options": options, "messages": [
            {"role": "user", "content": "what do you see?", "images": [data(picture(0))]}]})
        check(answer["message"]["content"].strip() == said("picture00.png"), answer)
        answer = server.json("/api/generate", {"model": "nano", "stream": False, "options": options, "prompt": "what do you see?",
                                               "images": [data(picture(1))]})
        check(answer["response"].strip() == said("picture01.png"), answer)
        check("vision" in server.json("/api/show", {"model": "nano"})["capabilities"], "it does not say that it sees")


def case_sounds():
    with Place() as place, Server(place, token=False) as server:
        part = {"type": "input_audio", "input_audio": {"data": data(sound(15)), "format": "wav"}}
        answer = server.json("/v1/chat/completions", chat([part], max_tokens=60))
        check(text_of(answer).strip() == said("speech15.wav", "act"), answer)
        answer = server.json("/v1/chat/completions", chat([{"type": "text", "text": "transcribe this"}, part], max_tokens=60))
        check(text_of(answer).strip() == said("speech15.wav", "transcribe"), answer)


def case_refused():
    def refused(part, *words, role="user", code=400):
        body = chat("x")
        body["messages"] = [{"role": role, "content": [{"type": "text", "text": "what do you see?"}, part]}, {"role": "user", "content": "well?"}]
        error = server.json("/v1/chat/completions", body, code=code)["error"]["message"]
        for word in words:
            check(word in error, f"{word!r} is not in {error!r}")

    with Place() as place, Server(place) as server:
        for address in ("https://example.org/a.png", "http://127.0.0.1:1/a.png", "file:///etc/passwd", "/etc/passwd", ""):
            refused({"type": "image_url", "image_url": {"url": address}}, "nothing is fetched for a client")
        refused({"type": "image_url", "image_url": {"url": "data:image/png,plain"}}, "data:TYPE;base64,DATA")
        refused({"type": "image_url", "image_url": {"url": "data:image/png;base64,!!!!"}}, "not base64")
        refused({"type": "image_url", "image_url": {"url": "data:image/png;base64," + base64.b64encode(b"no picture at all").decode()}},
                "messages[0]: content[1]", "picture")
        refused({"type": "image_url"}, "no url")
        refused({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, "not as mp3")
        refused({"type": "input_audio", "input_audio": {"data": data(picture(0)), "format": "wav"}}, "content[1]")
        refused({"type": "video"}, "pictures and sounds alone")
        refused(image_part(picture(0)), "of the user's alone", role="system")
        refused(image_part(picture(0)), "of the user's alone", role="assistant")
        body = looking(*[image_part(picture(0))] * 33)
        check("more than 32" in server.json("/v1/chat/completions", body, code=400)["error"]["message"], "33 pictures")
        answer = server.json("/v1/chat/completions", looking(image_part(picture(0))))  # and it goes on as before
        check(text_of(answer).strip() == said("picture00.png"), answer)
        connection = server.connect()  # one that leaves while its picture is decoded
        server_headers = {"Content-Type": "application/json", "Authorization": "Bearer " + server.token}
        connection.request("POST", "/v1/chat/completions", json.dumps(looking(image_part(picture(1)))), server_headers)
        connection.close()
        end = time.monotonic() + PATIENCE
        while server.json("/health")["busy"]:
            check(time.monotonic() < end, "what nobody waits for still runs")
            time.sleep(0.02)


def case_blind():
    """A model without encoders says so."""
    with Place() as place:
        alone = os.path.join(place.root, "alone.gguf")
        os.symlink(NANO, alone)
        with Server(place, model=alone) as server:
            answer = server.json("/v1/chat/completions", dict(looking(image_part(picture(0))), model="alone"), code=400)
            check("no encoders of pictures and sounds" in answer["error"]["message"], answer)
            check("vision" not in server.json("/api/show", {"model": "alone"})["capabilities"], "it says that it sees")


def case_remote():
    """carat with -m remote: sends the files themselves, to a server that sees: carat serve."""
    with Place() as place, Server(place) as server:
        ask = ["--endpoint", f"http://127.0.0.1:{server.port}/v1", "-m", "remote:nano", "--set", "remote.key_env=SERVE_TOKEN", "--no-tools",
               "--system-prompt", "", "--temperature", "0"]
        place.env["SERVE_TOKEN"] = server.token
        answer = place.carat("exec", *ask, "-i", picture(1), "what do you see?")
        check("I see a " in answer.stdout, f"{answer.stdout} {answer.stderr}")
        answer = place.carat("exec", *ask, "--audio", sound(15), "transcribe this")
        check(answer.returncode == 0 and answer.stdout.strip(), f"{answer.stdout} {answer.stderr}")


main(globals())
