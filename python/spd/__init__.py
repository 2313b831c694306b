"""Read the results of SPD sweeps: jobs, runs, histories, weights. It never changes anything.

    import spd

    runs = spd.job(1).runs()                  # a pandas DataFrame if pandas is there, else a list of dicts
    spd.job(1).run("k3j9").history()          # a row per logged step
    spd.job(1).run("k3j9").weights()          # name -> array: NumPy's if it is there, else spd.Tensor

The cache folder is SPD_CACHE_DIR, ~/spd_cache, or what `spd.cache(path)` names.
"""

from ._cache import Cache, Job, Run, SPDError, cache, job, jobs
from ._tensors import Tensor, read_safetensors

__all__ = ["Cache", "Job", "Run", "SPDError", "Tensor", "cache", "job", "jobs", "read_safetensors"]
