#!/bin/bash
# Four nodes generate a quarter each: sbatch slurm.sh. Then, on any node that shares the folder:
#   sdeval merge shards/*/latest --output reports
#SBATCH --job-name=images
#SBATCH --array=1-4
#SBATCH --nodes=1
#SBATCH --gpus-per-node=8
#SBATCH --time=02:00:00
set -euo pipefail

cd "${SLURM_SUBMIT_DIR}"
source .venv/bin/activate

# All GPUs that SLURM gives to the job; a shard that was stopped goes on where it was.
pytest suites --sdeval-strict --sdeval-resume \
    --sdeval-devices all \
    --sdeval-shard "${SLURM_ARRAY_TASK_ID}/${SLURM_ARRAY_TASK_COUNT}" \
    --sdeval-output "shards/${SLURM_ARRAY_TASK_ID}"
