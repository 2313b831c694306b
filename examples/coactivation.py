#!/usr/bin/env python3
"""How often two subcomponents are active together: numpy only.

observers: [{run: ./coactivation.py, needs: [ci], every: 1000}]
"""
import numpy as np
from spd_observer import observer, run


@observer
def coactivation(ci, step, **_):
    metrics = {}
    for module, values in ci.items():
        active = (values.reshape(-1, values.shape[-1]) > 0.1).astype(np.float32)  # (rows, C)
        together = active.T @ active / len(active)  # (C, C)
        alone = np.diag(together)
        metrics[f"coactivation/{module}"] = together.sum() - alone.sum()
        top = np.argsort(-alone)[:5]
        yield "table", f"most_active/{module}", ["subcomponent", "share"], [[int(c), float(alone[c])] for c in top]
        yield "histogram", f"activity/{module}", alone, 20
    yield "metrics", metrics


run()
