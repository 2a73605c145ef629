"""The shape of the house: content is data, the program holds no content, files are small, the package is whole."""

import ast
import re
import tomllib
from pathlib import Path

from cds_service.knowledge.catalogue import load

ROOT = Path(__file__).parents[2]
PROGRAM = sorted((ROOT / "cds_service").rglob("*.py"))
CODE = re.compile(r"\d{3,6}-\d|\d{6,18}|[A-TV-Z]\d\d\.\d{1,3}")  # LOINC, SNOMED CT or RxNorm, ICD-10-CM
YES_AND_NO = {"answer-yes", "answer-no"}  # what a coded yes or no is, is the record's own reading
LONGEST_FILE = 300
LONGEST_FUNCTION = 40


def texts(path):
    """Every string of a module that is no docstring, with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and _has_doc(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def _has_doc(node):
    return bool(node.body) and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)


def test_content_is_data_alone():
    program = [path for path in (ROOT / "hooks").rglob("*.py") if path.name != "__init__.py"]
    assert program == []
    assert [type(item) for item in ast.parse((ROOT / "hooks" / "__init__.py").read_text()).body] == [ast.Expr]


def found(look):
    """What `look` gives of each module that gives anything, by its path."""
    return {str(path.relative_to(ROOT)): seen for path in PROGRAM if (seen := look(path))}


def test_no_code_of_a_terminology_stands_in_the_program():
    assert found(lambda path: [item for item in texts(path) if CODE.fullmatch(item[1])]) == {}


def test_the_code_pattern_finds_codes():
    assert all(CODE.fullmatch(code) for code in ("2276-4", "48065-7", "128053003", "310325", "I82.40"))


def test_no_rule_value_set_or_analyte_is_named_in_the_program():
    catalogue = load()
    names = {*catalogue.rules, *(rule.code for rule in catalogue.rules.values()), *catalogue.vocabulary.sets}
    names |= {name for name in catalogue.vocabulary.analytes if "-" in name}
    assert found(lambda path: [item for item in texts(path) if item[1] in names - YES_AND_NO]) == {}


def test_files_and_functions_are_small():
    def too_large(path):
        source = path.read_text(encoding="utf-8")
        nodes = [
            node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        sizes = {"the file": (source.count("\n"), LONGEST_FILE)}
        sizes |= {node.name: (node.end_lineno - node.lineno + 1, LONGEST_FUNCTION) for node in nodes}
        return {name: lines for name, (lines, most) in sizes.items() if lines > most}

    assert found(too_large) == {}


def test_every_module_says_why_it_exists():
    assert found(lambda path: not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))) == {}


def test_only_settings_reads_the_environment():
    reads = re.compile(r"os\.environ\b(?!\[)|os\.getenv")
    assert [path.name for path in PROGRAM if reads.search(path.read_text())] == ["settings.py"]


def test_the_package_list_is_whole():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in PROGRAM if path.name == "__init__.py"}
    assert listed == found | {"cds_service.hooks", "cds_service.fixtures"}


def test_every_dependency_says_why():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    needs = [line for line in lines if re.match(r'  "[A-Za-z][\w.-]*(\[[\w,]+\])?[<>=~]', line)]
    assert len(needs) > 15
    assert [line for line in needs if "  # " not in line] == []
