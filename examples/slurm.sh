#!/bin/bash
# One extraction on four nodes of a SLURM cluster: every shard is a Ray task on one GPU.
# Stopped by the time limit, the same job goes on from there: sbatch examples/slurm.sh
#
# Beforehand, once: pip install '.[ray]' into the environment below, and `pipeline prepare --dataset my-pictures`.
# Pictures, project folder and features must be where every node sees them, and the nodes of one kind: another
# processor gives other last bits.
#SBATCH --job-name=extract
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
set -euo pipefail

cd /shared/scp-pipeline
source .venv/bin/activate
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

# Starts Ray on every node, runs the command on the first one, and stops Ray. No node may run another Ray meanwhile.
srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "$SLURM_GPUS_ON_NODE" --disable-usage-stats -- \
    pipeline extract --dataset my-pictures --backbone clip-vitl14 --features /shared/features \
    --engine ray --ray-address "$head:6379" --gpus-per-task 1 --cpus-per-task 8

pipeline verify /shared/features/my-pictures/clip-vitl14
