"""The scripted model's turns: every tool once, then an answer made of what the tools returned."""

import json

import pytest

from local.bedrock.script import MAX_REPEATED_CHARS, ModelError, complete_chat


def tool(name, **properties):
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def ask(query, *later, tools=(), sleep=lambda seconds: None):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": query}, *later]
    return complete_chat({"model": "any", "messages": messages, "tools": list(tools)}, sleep=sleep)["choices"][0]


def run(query, tools, returned):
    """Play the caller's part until the model stops; return the names called and the answer."""
    said, names = [], []
    while (choice := ask(query, *said, tools=tools))["finish_reason"] == "tool_calls":
        [call] = choice["message"]["tool_calls"]
        names.append(call["function"]["name"])
        result = {"role": "tool", "tool_call_id": call["id"], "content": returned[call["function"]["name"]]}
        said += [choice["message"], result]
    return names, choice["message"]["content"]


def test_each_tool_is_called_once_and_the_answer_holds_what_they_returned():
    tools = [tool("slope", row={"type": "integer", "minimum": 3}), tool("roughness")]
    names, answer = run("How steep?", tools, {"slope": "nonce-1", "roughness": "nonce-2"})
    assert names == ["slope", "roughness"]
    assert "- slope: nonce-1\n- roughness: nonce-2" in answer


def test_a_call_carries_derived_arguments():
    choice = ask("How steep?", tools=[tool("slope", row={"type": "integer", "minimum": 3})])
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"row": 3}


def test_tools_are_called_again_when_the_user_speaks_again():
    tools = [tool("slope")]
    first = ask("One", tools=tools)["message"]
    result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "flat"}
    again = ask(
        "One", first, result, {"role": "assistant", "content": "Flat."}, {"role": "user", "content": "Two"}, tools=tools
    )
    assert again["finish_reason"] == "tool_calls"


def test_without_tools_the_answer_repeats_the_question():
    assert "How steep?" in ask("How steep?")["message"]["content"]


def test_of_an_object_that_a_tool_returned_the_answer_repeats_the_first_values_as_text():
    returned = {"steepest_cell": {"latitude": 36.4}, "mean": 10.7, "area": "whole", "note": "n" * 61, "flat": True}
    returned |= {"share": {"value": 14.5, "unit": "%"}, "count": {"value": 3, "unit": None}, "last": 1}
    _, answer = run("How steep?", [tool("slope")], {"slope": json.dumps(returned)})
    assert answer.splitlines()[1:] == ["- slope: mean 10.7, area whole, flat true, share 14.5 %, count 3, and 3 more"]


def test_of_a_prompt_with_facts_the_question_and_the_first_facts_are_repeated():
    facts = {"slope": {"value": 3.5, "unit": "degrees"}, "positions": {"value": [[1, 2]], "unit": "m"}}
    given = [
        "The question: Where?",
        f"Facts of terrain: {json.dumps(facts)}",
        "What report says: # Site\nlong",
        "Level.",
    ]
    assert ask("\n\n".join(given))["message"]["content"].splitlines() == [
        "The scripted model cannot summarize. It was given:",
        "",
        "- The question: Where?",
        "- Facts of terrain: slope 3.5 degrees, and 1 more",
    ]
    assert "Level." in ask("How steep?\n\nLevel.")["message"]["content"]


def test_a_long_result_is_cut_visibly():
    _, answer = run("How steep?", [tool("slope")], {"slope": "s" * (MAX_REPEATED_CHARS + 7)})
    assert answer.endswith("[cut: 7 more characters]")


def test_text_given_in_parts_is_read():
    with pytest.raises(ModelError, match="fail with 503"):
        ask([{"type": "text", "text": "[model:error 503]"}])


def test_slow_waits_the_seconds_given():
    waited = []
    ask("[model:slow 3] How steep?", sleep=waited.append)
    assert waited == [3]


def test_long_lengthens_the_last_answer():
    asked, answer = run("[model:long 9000] How steep?", [tool("slope")], {"slope": "2 degrees"})
    assert (len(answer), answer.rstrip(".")) == (9_000, "The tools returned:\n- slope: 2 degrees"), asked


def test_max_tokens_breaks_the_answer_off():
    choice = ask("[model:max_tokens]", tools=[tool("slope")])
    assert (choice["finish_reason"], "tool_calls" in choice["message"]) == ("length", False)


@pytest.mark.parametrize("directive", ["error 200", "error", "slow 61", "slow soon", "long 100001", "dance"])
def test_a_directive_that_is_not_understood_is_refused(directive):
    with pytest.raises(ModelError, match="is not understood; known are") as caught:
        ask(f"[model:{directive}]")
    assert caught.value.status == 400


def test_a_tool_whose_schema_cannot_be_met_is_named():
    with pytest.raises(ModelError, match="'odd' could be derived") as caught:
        ask("Go", tools=[tool("odd", a={"not": {}})])
    assert caught.value.status == 422


@pytest.mark.parametrize(
    "request_body", [{}, {"messages": "hi"}, {"messages": ["hi"]}, {"messages": [], "tools": [{}]}]
)
def test_a_malformed_request_is_refused(request_body):
    with pytest.raises(ModelError) as caught:
        complete_chat(request_body)
    assert caught.value.status == 400
