"""What the comparison with earlier results tells, on made-up ones."""
import json
import pathlib
import tempfile
import unittest

import regression


def report(number, times, ceiling=100, **changed):
    """The result with this number in time, of one thread; `times` are steps' medians in ms by experiment."""
    noise = changed.pop("otherCores", 0)
    return {
        "format": "spd-bench-1", "time": f"2026-01-{number:02}", "cpu": "Xeon", "cpuModel": "6/1/1", "cores": 2, "quick": False,
        "exactGates": False, "openBLASCore": "SkylakeX", "ceilings": [{"threads": 1, "productGFLOPS": ceiling}],
        "ceilingsOtherCores": 0,
        "experiments": [{"experiment": name, "otherCores": noise, "ours_1": {"medianMilliseconds": time}}
                        for name, time in times.items()], **changed}


class Regression(unittest.TestCase):
    def told(self, *reports):
        with tempfile.TemporaryDirectory() as folder:
            for one in reports:
                (pathlib.Path(folder) / f"{one['time']}.json").write_text(json.dumps(one))
            return regression.told(reports[-1], pathlib.Path(folder))

    def test_slower_and_faster_steps_are_told(self):
        lines, is_slower = self.told(report(1, {"a": 1, "b": 1, "c": 1}), report(2, {"a": 1.2, "b": 0.8, "c": 1.05}))
        self.assertTrue(is_slower)
        self.assertEqual(lines, ["SLOWER than in 2026-01-01.json: a on 1 thread, +20 %",
                                 "faster than in 2026-01-01.json: b on 1 thread, -20 %"])

    def test_noisy_and_partial_results_hide_nothing(self):
        noisy, partial = report(2, {"a": 5}, otherCores=1), report(3, {"b": 1})
        lines, is_slower = self.told(report(1, {"a": 1}), noisy, partial, report(4, {"a": 2}))
        self.assertTrue(is_slower)
        self.assertEqual(lines, ["SLOWER than in 2026-01-01.json: a on 1 thread, +100 %"])

    def test_small_steps_add_up(self):
        lines, is_slower = self.told(*(report(i, {"a": 1.07 ** i}) for i in range(1, 4)))
        self.assertTrue(is_slower)
        self.assertIn("2026-01-01", lines[0])

    def test_a_slower_machine_excuses_steps_and_says_so(self):
        lines, is_slower = self.told(report(1, {"a": 1}), report(2, {"a": 1.5}, ceiling=67))
        self.assertFalse(is_slower)
        self.assertIn("33 % slower than then", lines[-1])

    def test_a_ceiling_measured_beside_other_programs_excuses_nothing(self):
        _, is_slower = self.told(report(1, {"a": 1}), report(2, {"a": 1.5}, ceiling=67, ceilingsOtherCores=1))
        self.assertTrue(is_slower)

    def test_other_processors_are_not_compared(self):
        for change in [{"cpu": "EPYC"}, {"cpuModel": "6/2/1"}, {"cores": 4}]:
            lines, is_slower = self.told(report(1, {"a": 1}, **change), report(2, {"a": 2}))
            self.assertFalse(is_slower)
            self.assertEqual(lines, ["no earlier result of this CPU type to compare with"])

    def test_what_cannot_be_compared_says_why(self):
        lines, _ = self.told(report(1, {"a": 1}), report(2, {"a": 2}, otherCores=1))
        self.assertEqual(lines, ["not compared with earlier results: other programs were at work"])
        lines, _ = self.told(report(1, {"a": 1}), report(2, {"b": 2}))
        self.assertEqual(lines, ["not compared with earlier results: no earlier result has these experiments"])


if __name__ == "__main__":
    unittest.main()
