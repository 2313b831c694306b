#!/usr/bin/env python3
"""The published tool's two example hooks, compute_user_metrics and create_user_figures, with their argument names.

observers: [{run: ./published_hook.py, needs: [batch, target_out, out_unmasked, out_masked, ci, V, U]}]
"""
import numpy as np
from spd_observer import observer, run


@observer
def compute_user_metrics(causal_importances, unmasked_component_out, masked_component_out, target_out, **_):
    metrics = {
        "unmasked_mse": np.mean((unmasked_component_out - target_out) ** 2),
        "masked_mse": np.mean((masked_component_out - target_out) ** 2),
    }
    for module, ci in causal_importances.items():
        metrics[f"mean_ci/{module}"] = ci.mean()
        metrics[f"n_alive/{module}"] = int((ci > 0.1).any(axis=0).sum())
    return metrics


@observer
def create_user_figures(causal_importances, step, figures, **_):
    if not figures:
        return None
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return None
    made = {}
    for module, ci in causal_importances.items():
        figure, axes = plt.subplots(figsize=(4, 3))
        axes.hist(ci.reshape(-1), bins=50)
        axes.set_title(f"{module}, step {step}")
        axes.set_yscale("log")
        made[f"ci_histogram/{module}"] = figure
    return made


run()
