#!/usr/bin/env python3
"""The hand-made inputs of the fuzz corpora: written anew by this, each for a line that it reaches.

    seeds.py [CORPUS...]

Most are a small whole file with one thing wrong, named after it. What fuzzing found has a hash for
a name and is not made here. A file that is there and is the same is left alone. Of every input that
a parser refuses here the refusal itself is the point: see coverage.py --corpora, which shows what
all of them reach together.
"""
import os
import sys

import seeds_gguf
import seeds_hugging_face
import seeds_json

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def main(chosen):
    for module in (seeds_gguf, seeds_hugging_face, seeds_json):
        for corpus, seeds in module.corpora(TESTS).items():
            folder = os.path.join(TESTS, corpus)
            if chosen and os.path.basename(folder) not in chosen:
                continue
            os.makedirs(folder, exist_ok=True)
            for name, content in seeds.items():
                path = os.path.join(folder, name)
                if not os.path.exists(path) or open(path, "rb").read() != content:
                    open(path, "wb").write(content)
                    print(path)


main(sys.argv[1:])
