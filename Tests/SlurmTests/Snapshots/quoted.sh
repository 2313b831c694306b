#!/bin/sh
#SBATCH --job-name=spd-k3j9x0qa
#SBATCH --array=1-4
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --signal=B:USR1@120
#SBATCH --chdir="/home/me/my \"sweeps\" & \\more"
#SBATCH --output="/scratch/100%% mine/logs/%A_%a.log"
#SBATCH --open-mode=append
#SBATCH --requeue
export SPD_CACHE_DIR='/scratch/it'\''s $HOME'
exec '/scratch/it'\''s here/worker' --job-id 7
