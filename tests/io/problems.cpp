// SPDX-License-Identifier: Apache-2.0
#include "grove/data/problems.hpp"

#include <cstdlib>

#include "io/helpers.hpp"

using namespace grove::data;
using grove::Problem;
using grove::test::contains;
using grove::test::error_of;
using grove::test::TemporaryFolder;

namespace {

Problem problem(std::string const& line, ProblemColumns const& columns = {}) {
  return problem_of(grove::io::parse_json(line, "test"), "d.jsonl:4", columns, 11);
}

std::string refusal(std::string const& line, ProblemColumns const& columns = {}) {
  return error_of([&] { problem(line, columns); });
}

}  // namespace

TEST_CASE("problem and gold come from the first column there is") {
  Problem const one =
      problem(R"({"prompt": "p", "question": "q", "problem": "x", "answer": "a", "solution": "s", "n": 1.5})");
  CHECK(one.id == 11);
  CHECK(one.prompt == "x");
  CHECK(one.gold == "s");
  CHECK(one.column("prompt") == "p");
  CHECK(one.column("question") == "q");
  CHECK(one.column("answer") == "a");
  CHECK(one.column("n") == "1.5");
  CHECK(!one.column("solution"));
  CHECK(one.columns.size() == 4);

  CHECK(problem(R"({"question": "q", "prompt": "p", "answer": 27.0})").gold == "27.0");
  CHECK(problem(R"({"prompt": "p", "answer": null, "final_answer": ["1", 2]})").gold == "1, 2");
  CHECK(problem(R"({"prompt": "p", "final_answer": ["\\frac{1}{2}"]})").gold == "\\frac{1}{2}");
  CHECK(problem(R"({"id": 3, "prompt": "p", "answer": "a"})").id == 3);
  CHECK(problem(R"({"id": "x", "prompt": "p", "answer": "a"})").column("id") == "x");
  CHECK(problem(R"({"prompt": "p", "answer": "a", "list": [1, {"b": "é"}], "none": null})").column("list") ==
        R"([1,{"b":"é"}])");
}

TEST_CASE("conversations are kept as messages") {
  Problem const one =
      problem(R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "answer": "a"})");
  CHECK(one.prompt.empty());
  REQUIRE(one.messages.size() == 2);
  CHECK(one.messages[1].role == "user");
  CHECK(one.messages[1].content == "u");
  CHECK(
      problem(R"({"chat": [{"role": "user", "content": "u"}], "answer": "a"})", {.problem = "chat"}).messages.size() ==
      1);
  CHECK(contains(
      refusal(
          R"({"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "42"}], "answer": "a"})"),
      "expected a last turn that is not the assistant's own answer"));
  CHECK(contains(refusal(R"({"messages": [], "answer": "a"})"), "expected at least one turn"));
  CHECK(problem(R"({"messages": "u", "answer": "a"})").prompt == "u");
  CHECK(contains(refusal(R"({"messages": {"a": 1}, "answer": "a"})"), "expected a list of {\"role\", \"content\"}"));
  CHECK(contains(refusal(R"({"messages": [{"role": "user"}], "answer": "a"})"),
                 "d.jsonl:4: column \"messages\": key \"content\" is missing"));
  CHECK(contains(refusal(R"({"messages": [{"role": "user", "content": "u", "tool_calls": []}], "answer": "a"})"),
                 "a turn has the key \"tool_calls\""));
}

TEST_CASE("columns can be chosen") {
  ProblemColumns const columns{.problem = "Q", .gold = "A"};
  Problem const one = problem(R"({"Q": "q", "A": "a", "problem": "p", "solution": "s"})", columns);
  CHECK(one.prompt == "q");
  CHECK(one.gold == "a");
  CHECK(one.column("solution") == "s");
  CHECK(problem(R"({"prompt": "p"})", {.need_gold = false}).gold.empty());
}

TEST_CASE("what is missing or in the wrong column is one clear line") {
  CHECK(refusal(R"({"text": "p", "answer": "a"})") ==
        "d.jsonl:4: has no problem; its columns are: text, answer; expected problem, question, prompt or messages; "
        "name another column with data.problem");
  CHECK(
      refusal(R"({"prompt": "p", "gold": "a"})") ==
      "d.jsonl:4: has no gold; its columns are: prompt, gold; expected solution, answer or final_answer; name another "
      "column with data.gold");
  CHECK(contains(refusal(R"({"prompt": "p", "answer": "a"})", {.gold = "target"}),
                 "has no column \"target\"; expected the column that data.gold names; the line has: prompt, answer"));
  CHECK(contains(refusal(R"({"prompt": "p", "answer": "a"})", {.gold = "prompt"}),
                 "column \"prompt\" is both problem and gold"));
  CHECK(contains(refusal(R"({"prompt": "p", "answer": {"value": 1}})"),
                 "key \"answer\" is {\"value\":1}; expected a string, a number or a list"));
  CHECK(contains(refusal(R"({"prompt": "p", "answer": true})"), "expected a string, a number or a list"));
  CHECK(contains(refusal(R"({"prompt": "p", "answer": [["a"]]})"), "expected a string, a number or a list"));
  CHECK(contains(refusal(R"({"prompt": "p", "answer": " "})"), "expected a gold answer that is not empty"));
  CHECK(contains(refusal(R"({"prompt": "p", "answer": []})"), "expected a gold answer that is not empty"));
  CHECK(contains(refusal(R"({"prompt": "", "answer": "a"})"), "expected a problem that is not empty"));
  CHECK(contains(refusal(R"({"prompt": [{"role": "user", "content": "u"}], "answer": "a"})"), "expected a string"));
}

TEST_CASE("a file of problems is checked as a whole") {
  TemporaryFolder folder;
  auto const load = [&](std::string const& text) { return load_problems(folder.write("d.jsonl", text)); };
  auto const error = [&](std::string const& text) { return error_of([&] { load(text); }); };
  std::string const a = R"({"prompt":"p","answer":"a")";

  std::vector<Problem> const two = load(a + "}\n\n" + a + "}\n");
  REQUIRE(two.size() == 2);
  CHECK(two[1].id == 1);
  CHECK(load(a + ",\"id\":9}\n" + a + ",\"id\":4}\n")[1].id == 4);
  CHECK(contains(error(a + ",\"id\":9}\n" + a + ",\"id\":9}\n"), "d.jsonl:2: the id 9 stands in line 1 already"));
  CHECK(contains(error(a + ",\"id\":\"x\"}\n" + a + ",\"id\":\"x\"}\n"), "d.jsonl:2: the id \"x\" stands in line 1"));
  CHECK(contains(error(a + ",\"id\":9}\n" + a + "}\n"), "d.jsonl:2: has no id, unlike the lines before"));
  CHECK(contains(error(a + "}\n" + a + ",\"id\":9}\n"), "d.jsonl:2: has an id, unlike the lines before"));
  CHECK(contains(error(a + ",\"id\":-1}\n"), "key \"id\" is -1; expected an integer >= 0 or a string"));
  CHECK(contains(error(a + "}\nplain\n"), "d.jsonl:2: is no JSON object"));
  CHECK(contains(error(a + "}\n" + a + "\n"), "d.jsonl:2: column "));
  CHECK(contains(error(""), "d.jsonl: holds no problems"));
  CHECK(contains(error("\n\n"), "d.jsonl: holds no problems"));
}

TEST_CASE("published evaluation sets load as they are") {
  char const* const given = std::getenv("GROVE_SHARED");
  std::string const eval = (given != nullptr ? std::string(given) : GROVE_TEST_DATA "/../../../shared") + "/eval/";
  if (!std::filesystem::exists(eval)) {
    WARN("skipped: no " << eval << " (set GROVE_SHARED)");
    return;
  }
  CHECK(load_problems(eval + "aime24.jsonl").size() == 30);
  CHECK(load_problems(eval + "amc23.jsonl")[0].gold == "27.0");
  CHECK(load_problems(eval + "gsm8k.jsonl").size() == 1319);
  CHECK(load_problems(eval + "math500.jsonl").size() == 500);
  CHECK(load_problems(eval + "minerva_math.jsonl").size() == 272);
  auto const olympiad = load_problems(eval + "olympiadbench.jsonl", {.gold = "final_answer"});
  CHECK(olympiad.size() == 675);
  CHECK(olympiad[0].gold == "2");
  CHECK(olympiad[0].id == 1606);
}
