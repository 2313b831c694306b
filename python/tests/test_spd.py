"""Passed by `make test-all` on a cache that the real worker has filled: SPD_CACHE_DIR names it."""

import math
import os
import sqlite3
import struct
import tempfile
import unittest
from contextlib import closing
from pathlib import Path

import spd


class ResultsOfASweep(unittest.TestCase):
    def setUp(self):
        self.job = spd.job(1)

    def test_runs_are_rows(self):
        rows = self.job.runs(frame=False)
        self.assertEqual([row["state"] for row in rows], ["done"] * len(rows))
        self.assertEqual([row["seed"] for row in rows], list(range(len(rows))))
        self.assertNotIn("lr", rows[0])
        self.assertIn("lr", self.job.runs(all_config=True, frame=False)[0])
        self.assertTrue(all(math.isfinite(row["loss/total"]) for row in rows))

    def test_runs_have_histories_and_weights(self):
        run = self.job.run(0)
        self.assertEqual(self.job.run(run.id[:6]).id, run.id)
        rows = run.history(frame=False)
        self.assertEqual(rows[-1]["loss/total"], run.metrics["loss/total"])
        weights = run.weights()
        self.assertTrue(weights)
        for name, tensor in weights.items():
            count = 1
            for extent in tensor.shape:
                count *= extent
            values = tensor.values if isinstance(tensor, spd.Tensor) else tensor.ravel()
            self.assertEqual(len(values), count, name)
        self.assertEqual(len(self.job.history(frame=False)), sum(len(r.history(frame=False)) for r in self.job.each()))

    def test_what_is_not_there_is_told(self):
        for body in [lambda: spd.job(99), lambda: self.job.run("zzzz"), lambda: self.job.run(""),
                     lambda: self.job.run(0).weights(step=7), lambda: spd.job(cache="/nowhere"),
                     lambda: spd.job("a"), lambda: spd.job(1.5), lambda: spd.job(10**30), lambda: spd.job([])]:
            with self.assertRaises(spd.SPDError):
                body()

    def test_nothing_is_changed(self):
        files = lambda: sorted(str(p) for p in Path(os.environ["SPD_CACHE_DIR"]).rglob("*") if "sqlite-" not in p.name)
        before = files()
        self.job.runs(frame=False)
        self.assertEqual(files(), before)


class States(unittest.TestCase):
    """State files that are made here, with what the package reads of them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        with closing(sqlite3.connect(self.path / "state.sqlite")) as state:
            state.executescript(
                """
                CREATE TABLE job (id, token, executor, created);
                CREATE TABLE spec (run, job, config, overrides, open);
                CREATE TABLE run (
                  id, job, position, experiment, status, attempt, step, steps, started, ended, error, metrics, losses);
                INSERT INTO job VALUES (1, 'a', 'local', 0);
                """
            )

    def run_of(self, status, overrides, is_open, metrics=None):
        config = '{"lr": 0.5, "seed": 7, "task": {"p": 0.25, "q": 1}}'
        with closing(sqlite3.connect(self.path / "state.sqlite")) as state, state:
            state.execute("INSERT INTO spec VALUES ('r', 1, ?, ?, ?)", (config, overrides, is_open))
            state.execute(
                "INSERT INTO run VALUES ('r', 1, 0, 'a', ?, 0, 0, 10, NULL, NULL, NULL, ?, NULL)", (status, metrics))
        return spd.job(1, cache=self.path).run(0)

    def test_what_a_search_is_still_to_choose_is_none(self):
        for status in ("pending", "stopped"):
            with self.subTest(status):
                self.setUp()
                run = self.run_of(status, '[["lr", "null"], ["task.p", "null"]]', 1)
                self.assertEqual(run.config, {"lr": None, "seed": 7, "task": {"p": None, "q": 1}})
                self.assertEqual(run.overrides, {})
                row = spd.job(1, cache=self.path).runs(all_config=True, frame=False)[0]
                self.assertEqual((row["lr"], row["seed"], row["task.p"]), (None, 7, None))
                self.assertEqual(run.history(frame=False), [])

    def test_what_is_chosen_is_told(self):
        run = self.run_of("pending", '[["lr", "0.5"]]', 0)
        self.assertEqual((run.config["lr"], run.overrides), (0.5, {"lr": 0.5}))

    def test_a_history_that_is_lost_is_told(self):
        run = self.run_of("done", "[]", 0, '{"mmcs": 1}')
        for body in [run.history, spd.job(1, cache=self.path).history]:
            with self.assertRaisesRegex(spd.SPDError, "run r: .*metrics.jsonl is gone"):
                body(frame=False)
        run.folder.mkdir(parents=True)
        (run.folder / "metrics.jsonl").write_text("")
        with self.assertRaisesRegex(spd.SPDError, "holds no rows"):
            run.history(frame=False)


class Files(unittest.TestCase):
    def test_files_that_are_cut_short_are_refused(self):
        header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
        whole = struct.pack("<Q", len(header)) + header + struct.pack("<ff", 1.5, -2)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "w.safetensors"
            path.write_bytes(whole)
            self.assertEqual(list(spd.read_safetensors(path)["a"].tolist()), [1.5, -2])
            for length in [0, 7, 20, len(whole) - 1]:
                path.write_bytes(whole[:length])
                with self.assertRaises(ValueError):
                    spd.read_safetensors(path)


if __name__ == "__main__":
    unittest.main()
