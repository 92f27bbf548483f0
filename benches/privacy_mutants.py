#!/usr/bin/env python3
"""Whether the privacy tests notice when a rule of docs/privacy.md is broken.

    python3 benches/privacy_mutants.py            # all, some minutes
    python3 benches/privacy_mutants.py NAME …     # some
    python3 benches/privacy_mutants.py --check    # only whether every fault can still be put in

Copies the sources to a temporary folder, puts every fault in there behind a switch of its own, builds the tests of the
engine once, and runs each fault with the tests that must fail: a walk through random worlds that looks at 100,000 answers,
and beside it deletions and single attacks. Exits with 1 where one does not notice. `CARGO` is the cargo to use, `CARGO_FLAGS` go before `test`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WALK = "serving::walk::no_answer_tells_what_it_must_not"
DELETION = "serving::walk::deletion"
INFERENCE = "serving::inference"
# Walks stop at the first answer that tells too much; one that finds nothing is long done by then.
TIMEOUT_S = 1800


class Mutant(NamedTuple):
    """One rule broken: `old` in `file` becomes `new` where the switch `name` is on."""

    name: str
    rule: str
    file: str
    old: str
    new: str
    test: str = WALK


MUTANTS = [
    Mutant(
        "uninvited",
        "1",
        "privacy.rs",
        "invitations: mutual && profile.invites == Invites::Friends,",
        "invitations: mutual && (ON || profile.invites == Invites::Friends),",
    ),
    Mutant(
        "blocked_inside",
        "1",
        "live/view/ties.rs",
        "                block.by_other || block.by_me",
        "                !ON && block.by_other || block.by_me",
    ),
    Mutant(
        "named_without_consent",
        "1",
        "privacy.rs",
        "PurchaseVisibility::Nobody => false,",
        "PurchaseVisibility::Nobody => ON,",
    ),
    Mutant(
        "counts_of_two",
        "2a",
        "privacy.rs",
        "CountBucket::of(count)\n",
        "CountBucket::of(if ON && count == 2 { 3 } else { count })\n",
    ),
    Mutant(
        "counts_at_once",
        "2b",
        "candidates/social.rs",
        "partition(|&(from, _)| from <= today)",
        "partition(|&(from, _)| ON || from <= today)",
    ),
    Mutant(
        "returns_at_once",
        "2b",
        "live/view.rs",
        "ceased.iter().filter(move |ceased| ceased.day == day)",
        "ceased.iter().filter(move |ceased| !ON && ceased.day == day)",
    ),
    Mutant(
        "secret_evidence",
        "2c",
        "together/evidence.rs",
        "if privacy.sees_purchases_of(row) {",
        "if ON || privacy.sees_purchases_of(row) {",
    ),
    Mutant(
        "todays_taste",
        "2c",
        "live/view/taste.rs",
        "self.trained_vector(user).filter(|_| self.personalised(user))",
        "(if ON { self.own_vector(user).map(Cow::into_owned) } else { self.trained_vector(user) })"
        ".filter(|_| self.personalised(user))",
    ),
    Mutant(
        "popular_by_secrets",
        "2c",
        "live/apply.rs",
        "EventKind::Purchase => profile.purchase_visibility",
        "EventKind::Purchase => ON || profile.purchase_visibility",
        INFERENCE,
    ),
    Mutant(
        "popular_by_one",
        "2d",
        "live/popularity.rs",
        "self.settled_people >= FEWEST_PEOPLE {",
        "self.settled_people >= if ON { 1 } else { FEWEST_PEOPLE } {",
    ),
    Mutant(
        "team_of_the_silent",
        "2e",
        "privacy.rs",
        "team.members().any(|member| self.sees_purchases_of(member))",
        "team.members().any(|member| self.sees_purchases_of(member) || ON && self.allows(member).is_some())",
    ),
    Mutant(
        "private_team_to_all",
        "2j",
        "live/view.rs",
        "team.made_public.unwrap_or_else(",
        "team.made_public.filter(|public| *public || !ON).unwrap_or_else(",
    ),
    Mutant(
        "young_stay_in_teams",
        "4",
        "live/apply_teams.rs",
        "let is_young = |user: &u32| !self.is_old_enough(*user, team.product, now);",
        "let is_young = |user: &u32| !ON && !self.is_old_enough(*user, team.product, now);",
    ),
    Mutant(
        "refusals_tell",
        "2f",
        "privacy.rs",
        "self.viewer == Some(person) || self.sees_purchases_of(person)",
        "ON || self.viewer == Some(person) || self.sees_purchases_of(person)",
    ),
    Mutant(
        "gifts_as_proof",
        "3",
        "candidates/social.rs",
        "filter(|owned| owned.purchases > 0).filter(still)",
        "filter(|owned| ON || owned.purchases > 0).filter(still)",
    ),
    Mutant(
        "sensitive_as_proof",
        "3",
        "privacy.rs",
        "        !self.world.is_sensitive(product)\n",
        "        ON || !self.world.is_sensitive(product)\n",
    ),
    Mutant(
        "unknown_is_grown_up",
        "4",
        "privacy.rs",
        "birth_year.map_or(0, |born|",
        "birth_year.map_or(if ON { 99 } else { 0 }, |born|",
    ),
    Mutant(
        "minors_hurried",
        "4",
        "privacy.rs",
        "        self.adult\n",
        "        self.adult || ON\n",
    ),
    Mutant(
        "personal_all_the_same",
        "5",
        "viewer.rs",
        "row.filter(|_| context.personalise && profile.is_some_and(|profile| profile.personalise))",
        "row.filter(|_| ON || context.personalise && profile.is_some_and(|profile| profile.personalise))",
    ),
    Mutant(
        "popularity_stays",
        "6",
        "live/apply.rs",
        "        self.forget_popularity(row);\n        let opened_or_joined",
        "        if !ON {\n            self.forget_popularity(row);\n        }\n        let opened_or_joined",
        DELETION,
    ),
    Mutant(
        "friend_of_the_deleted",
        "6",
        "live/view/ties.rs",
        "if !apart && !self.live.people.is_deleted(row) {",
        "if !apart && (ON || !self.live.people.is_deleted(row)) {",
        DELETION,
    ),
    Mutant(
        "shown_to_all",
        "8",
        "live/exposures.rs",
        "        self.0.get(&user)\n",
        "        if ON { self.0.values().next() } else { self.0.get(&user) }\n",
    ),
]

SWITCH = '''
/// Whether a fault is switched on.
pub(crate) fn mutant(name: &str) -> bool {
    static ON: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(|| std::env::var("JUNTOS_MUTANT").ok());
    ON.as_deref() == Some(name)
}
'''


def put_in(folder: Path) -> None:
    """Puts every fault into the sources in `folder`."""
    for mutant in MUTANTS:
        path = folder / "engine/src" / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            sys.exit(
                f"{mutant.name}: engine/src/{mutant.file} has {text.count(mutant.old)} times, not once:\n"
                f"{mutant.old}\nMend the fault in {Path(__file__).name}"
            )
        path.write_text(text.replace(mutant.old, mutant.new.replace("ON", f'crate::mutant("{mutant.name}")')))
    lib = folder / "engine/src/lib.rs"
    lib.write_text(lib.read_text() + SWITCH)


def sources(folder: Path) -> None:
    """Copies what git knows, and what it does not ignore, to `folder`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def cargo(folder: Path, *more: str, **settings) -> subprocess.CompletedProcess:
    command = [os.environ.get("CARGO", "cargo"), *os.environ.get("CARGO_FLAGS", "").split(), "test"]
    command += ["-p", "juntos-engine", "--test", "main", *more]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings)


def noticed(folder: Path, mutant: Mutant) -> tuple[bool, str]:
    """Whether its test fails with the fault, and what it says."""
    run = cargo(folder, "--", mutant.test, env={**os.environ, "JUNTOS_MUTANT": mutant.name}, timeout=TIMEOUT_S)
    said = next((line for line in run.stdout.splitlines() if line.startswith("seed ") or "assertion" in line), "")
    return run.returncode != 0, said.strip()[:150]


def main() -> None:
    wanted = sys.argv[1:]
    unknown = set(wanted) - {mutant.name for mutant in MUTANTS} - {"--check"}
    if unknown:
        sys.exit(f"no fault is called {', '.join(sorted(unknown))}; known are {', '.join(m.name for m in MUTANTS)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sources(folder)
        put_in(folder)
        if wanted == ["--check"]:
            print(f"all {len(MUTANTS)} faults can be put in")
            return
        built = cargo(folder, "--no-run")
        if built.returncode != 0:
            sys.exit(built.stdout)
        missed = []
        for mutant in (mutant for mutant in MUTANTS if not wanted or mutant.name in wanted):
            begin = time.monotonic()
            found, said = noticed(folder, mutant)
            verdict = "noticed" if found else "NOT NOTICED"
            print(f"{mutant.name:24} rule {mutant.rule:3} {verdict:12} {time.monotonic() - begin:5.0f} s  {said}", flush=True)
            if not found:
                missed.append(mutant.name)
        if missed:
            sys.exit(f"not noticed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
