"""Print which tests serve which clause of CQC/SC 11002-2025: python tests/clauses.py."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent


def clauses_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The clauses a test is marked with."""
    found = []
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.clause":
            found += [str(ast.literal_eval(argument)) for argument in decorator.args]
    return found


def table() -> dict[str, list[str]]:
    """Clause → tests, as file and sentence."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(HERE.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for clause in clauses_of(node):
                    sentence = node.name.removeprefix("test_").replace("_", " ")
                    found[clause].append(f"{file.relative_to(HERE)}: {sentence}")
    return dict(found)


def main() -> int:
    """Print the table."""
    for clause, tests in sorted(table().items(), key=lambda item: [int(part) for part in item[0].split(".")]):
        sys.stdout.write(f"{clause}\n" + "".join(f"    {test}\n" for test in tests))
    return 0


if __name__ == "__main__":
    sys.exit(main())
