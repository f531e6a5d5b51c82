"""Sessions: tests (the built wheel), quick, pythons, coverage, chaos, lint, types, lowest, bench, docs, build."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True
# `pythons` takes what the machine has.
nox.options.error_on_missing_interpreters = False

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = "[aiohttp,cli,fastapi,imap,keyring,numbers,otel,postgres,runner,testing,webhooks,xlsx]"
# A group stays in one process; conftest.py puts first what takes longest.
GROUPED = ("--dist", "loadgroup", "--no-loadscope-reorder")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
# Two processes more than there are cores: those that kill and restart others wait for most of their time.
PARALLEL = ("-n", str(CORES + 2), *GROUPED)
# What was compiled for one process, or for one run, is there for the next.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


def group(name: str) -> list[str]:
    return nox.project.dependency_groups(PROJECT, name)


def install_wheel(session: nox.Session) -> None:
    """Build the wheel and install it with every extra, so that what is tested is what is shipped."""
    folder = pathlib.Path(session.create_tmp()) / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), ".")
    (wheel,) = folder.glob("*.whl")
    session.install("--quiet", f"{wheel}{EXTRAS}")


def installed_for(session: nox.Session) -> pathlib.Path:
    """Return the file in a session's environment that says for which project file it was installed."""
    return pathlib.Path(session.virtualenv.location) / "pyproject.toml"


def run_tests(session: nox.Session) -> None:
    session.install("--quiet", *group("test"))
    install_wheel(session)
    session.run("pytest", *PARALLEL, *session.posargs, env=COMPILED)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on the built wheel, with the Python at hand."""
    run_tests(session)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def pythons(session: nox.Session) -> None:
    """Run the tests with every Python that the machine has."""
    run_tests(session)


@nox.session(reuse_venv=True)
def quick(session: nox.Session) -> None:
    """Run what takes milliseconds and starts no process, on the files as they are: for the loop of work."""
    # pip takes seconds to find that nothing is to be done, and the package is used where it lies.
    wanted, done = pathlib.Path("pyproject.toml").read_text(encoding="utf-8"), installed_for(session)
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        session.install("--quiet", *group("test"), "-e", f".{EXTRAS}")
        done.write_text(wanted, encoding="utf-8")
    session.run("pytest", "-n", str(CORES + 1), *GROUPED, "-m", "not slow", *session.posargs, env=COMPILED)


@nox.session
def coverage(session: nox.Session) -> None:
    """The same with branch coverage, which takes several times as long."""
    session.install("--quiet", *group("test"))
    install_wheel(session)
    measured = ("--cov", "--cov-report=term:skip-covered")
    session.run("pytest", *PARALLEL, *measured, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and layers, and look for dependencies that are known to be vulnerable."""
    session.install("--quiet", *group("lint"))
    install_wheel(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", env={"PYTHONPATH": "."})
    audit(session)


def audit(session: nox.Session) -> None:
    """Look up what the product is installed with among the known vulnerabilities, and say what could not be looked up.

    pip-audit asks PyPI. Behind a mirror that has packages alone it finds nothing, and ends as if all were well.
    """
    found = pathlib.Path(session.create_tmp()) / "audit.json"
    found.unlink(missing_ok=True)
    session.run(
        *("pip-audit", "--skip-editable", "--progress-spinner=off", "--format=json", f"--output={found}"),
        success_codes=range(256),
        silent=True,
    )
    if not found.exists():
        session.warn("NOT AUDITED: the data on known vulnerabilities could not be had.")
        return
    packages = json.loads(found.read_text(encoding="utf-8"))["dependencies"]
    ours = PROJECT["project"]["name"].replace("_", "-")
    unknown = [one["name"] for one in packages if "skip_reason" in one and one["name"].replace("_", "-") != ours]
    vulnerable = [
        f"{one['name']} {one['version']}: {', '.join(each['id'] for each in one['vulns'])}"
        for one in packages
        if one.get("vulns")
    ]
    if unknown:
        session.warn(f"NOT AUDITED: PyPI's data could not be had for {len(unknown)} packages: {', '.join(unknown)}.")
    if vulnerable:
        session.error(f"Known vulnerabilities: {'; '.join(vulnerable)}.")
    session.log(f"{len(packages) - len(unknown)} packages audited.")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with two checkers, both strict."""
    session.install("--quiet", *group("types"), "-e", f".{EXTRAS}")
    session.run("mypy")
    session.run("pyright")
    session.run("pytest", "-q", "tests/typing")


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that are allowed."""
    oldest = [
        requirement.replace(">=", "==")
        for requirement in PROJECT["project"]["dependencies"]
        + [
            requirement
            for extra in [*EXTRAS.strip("[]").split(","), "sandbox", "envoyersmspro", "journal"]
            for requirement in PROJECT["project"]["optional-dependencies"][extra]
            if not requirement.startswith(PROJECT["project"]["name"])
        ]
    ]
    session.install("--quiet", *group("test"), f".{EXTRAS}", *oldest)
    session.run("pytest", *PARALLEL, *session.posargs, env=COMPILED)


@nox.session
def bench(session: nox.Session) -> None:
    """Print the speed figures, one question a script; 1 where one is not what it must be."""
    session.install("--quiet", *group("bench"), ".[cli]")
    for script in ("bulk", "send", "protocols", "hold", "memory", "recorded", "preview", "start"):
        session.run("python", f"benchmarks/{script}.py", *session.posargs, success_codes=[0, 1])
    session.run("python", "benchmarks/speed.py", *session.posargs)


@nox.session(name="bench-transport")
def bench_transport(session: nox.Session) -> None:
    """Print what a request costs over each transport."""
    session.install("--quiet", ".[aiohttp,cli]")
    session.run("python", "benchmarks/transport.py", *session.posargs)


@nox.session(name="bench-journal")
def bench_journal(session: nox.Session) -> None:
    """Print what the journal costs."""
    session.install("--quiet", ".[cli,postgres]")
    session.run("python", "benchmarks/journal.py", *session.posargs)


@nox.session(name="bench-processes")
def bench_processes(session: nox.Session) -> None:
    """Print how much more two processes do on one journal than one."""
    session.install("--quiet", ".[cli,postgres]")
    session.run("python", "benchmarks/processes.py", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """Kill the process that sends 50 times over 2,000 chunks, on every kind of journal; try every order of steps."""
    session.install("--quiet", *group("test"))
    install_wheel(session)
    names = [f"tests/journal/test_journal_{name}.py" for name in ("chaos", "restart", "postgres", "machine")]
    names += ["tests/journal/test_event_chaos.py", "tests/webhooks/test_webhook_killed.py"]
    names += ["tests/runner/test_runner_submit_kills.py"]
    names += ["tests/runner/test_runner_chaos.py"]  # and with RUNNER_FULL=1, as root, test_runner_networks.py
    sizes = {"CHAOS_KILLS": "50", "CHAOS_CHUNKS": "2000", "JOURNAL_EXAMPLES": "1000"}
    sizes |= {"RUNNER_KILLS": "30", "RUNNER_CHUNKS": "2000", "RUNNER_SUBMIT_KILLS": "1000"}
    session.run("pytest", *names, *session.posargs, env=sizes)


@nox.session(reuse_venv=True)
def docs(session: nox.Session) -> None:
    """Build the handbook as HTML under ``build/handbook``; a warning is an error."""
    session.install("--quiet", *group("docs"), "-e", f".{EXTRAS}")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "allmysms_async/handbook", "build/handbook")
    session.log("Open build/handbook/index.html.")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source archive, and check that both install."""
    session.install("--quiet", "build")
    session.run("python", "-m", "build", "--outdir", "dist")
