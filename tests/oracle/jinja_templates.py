# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/jinja/templates.json: what jinja2 makes of tests/data/jinja/templates/*.jinja.

    python tests/oracle/jinja_templates.py tests/data/jinja

The templates use what the published ones of DeepSeek-R1 and V3, Qwen2.5, Qwen3, QwQ, Llama 3.1 and Mistral use, in the
same way, with other words.
"""
import itertools
import json
import pathlib
import sys

from jinja_peer import render

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "The <weather> & \"time\" in Zürich", "parameters": {
        "type": "object", "properties": {
            "city": {"type": "string", "description": "the city"}, "days": {"type": "integer", "default": 3},
            "unit": {"type": "string", "enum": ["c", "f"]},
            "more": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}}},
        "required": ["city"]}, "return": {"type": "string"}}},
    {"type": "function", "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}}},
]


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def system(content):
    return {"role": "system", "content": content}


CALL = {"type": "function", "id": "abcdefgh1", "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "f": 1.5, "n": None, "b": True}}}
CONVERSATIONS = {
    "user": [user("What is 2+2?")],
    "system": [system(" Reason step by step.\n"), user("  2+2? \n")],
    "turns": [user("a"), assistant("<think>\nhm\n</think>\n\nb"), user("c"), assistant("d"), user("é – 漢字 😀")],
    "answered": [system("s"), user("q"), assistant("<think>\nr\n</think>\n\nans")],
    "reasoning": [user("q"), assistant("ans", reasoning_content="because"), user("and?")],
    "call": [system("s"), user("weather?"), assistant("", tool_calls=[CALL]),
             {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefgh1", "content": "sunny"}, assistant("It is sunny."), user("thanks")],
    "calls": [user("weather?"), assistant(None, tool_calls=[
        {"type": "function", "id": "abcdefgh1", "function": {"name": "get_weather", "arguments": "{\"city\": \"Bern\"}"}},
        {"type": "function", "id": "abcdefgh2", "function": {"name": "ping", "arguments": "{}"}}]),
        {"role": "tool", "tool_call_id": "abcdefgh1", "content": "5"}, {"role": "tool", "tool_call_id": "abcdefgh2", "content": "pong"}],
    "parts": [user([{"type": "image"}, {"type": "text", "text": "what?"}, {"type": "sound"}])],
    "wrong order": [assistant("first"), user("second")],
    "empty": [],
}
OPTIONS = [{}, {"tools": TOOLS}, {"enable_thinking": False, "thinking": True}, {"builtin_tools": ["search", "code_interpreter"], "date_string": "1 May 2025"},
           {"tools": TOOLS, "tools_in_user_message": False}]


def main(folder):
    folder = pathlib.Path(folder)
    cases = []
    for path in sorted((folder / "templates").glob("*.jinja")):
        source = path.read_text()
        for (name, messages), (index, options), prompt in itertools.product(CONVERSATIONS.items(), enumerate(OPTIONS), (True, False)):
            variables = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": prompt,
                         "bos_token": "<s>", "eos_token": "</s>", **options}
            case = {"template": path.name, "conversation": name, "options": index, "add_generation_prompt": prompt}
            try:
                case["output"] = render(source, variables)
            except Exception as error:
                case["error"] = f"{type(error).__name__}: {error}"
            cases.append(case)
    with open(folder / "templates.json", "w") as file:
        file.write('{"conversations": ' + json.dumps(CONVERSATIONS, ensure_ascii=False) + ',\n"options": ' + json.dumps(OPTIONS, ensure_ascii=False) + ',\n"cases": [\n')
        file.write(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases))
        file.write("\n]}\n")
    print(len(cases), "cases,", sum("error" in case for case in cases), "of them errors")


main(sys.argv[1])
