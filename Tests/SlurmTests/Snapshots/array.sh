#!/bin/sh
#SBATCH --job-name=spd-k3j9x0qa
#SBATCH --array=1-4
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --signal=B:USR1@120
#SBATCH --chdir=/home/me/project
#SBATCH --output=/home/me/spd_cache/jobs/7/logs/%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
export SPD_CACHE_DIR=/home/me/spd_cache
export OMP_NUM_THREADS=1
exec /home/me/spd_cache/jobs/7/worker --job-id 7
