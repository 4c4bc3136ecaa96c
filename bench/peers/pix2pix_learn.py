"""Train pix2pix in PyTorch on a packed data set, from given weights: python3 pix2pix_learn.py PLAN.json THREADS

The plan names the data set, the safetensors file of the initial weights (`G.*`, `D.*`) and of the dropout masks, the
training row of each step, the nets and the rates, and the steps after which held-out rows are painted. For each of those
a line is printed: {"step", "l1": mean |photo - painting| over the held-out rows in [-1, 1]}.
The step is that of pix2pix_train.py.
"""
import json, os, sys
import numpy as np
import torch
import safetensors_file
from pix2pix_nets import Masked, patchgan, unet
from pix2pix_train import Training

plan = json.load(open(sys.argv[1]))
torch.set_num_threads(int(sys.argv[2]))


def shards(split):
    index = json.load(open(os.path.join(plan["dataset"], "index.json")))
    return [safetensors_file.read(os.path.join(plan["dataset"], shard["file"]))[0] for shard in index["shards"] if shard["split"] == split]


def pair(split, row):
    for shard in splits[split]:
        if row < len(shard["label"]):
            break
        row -= len(shard["label"])
    classes = np.arange(plan["labelChannels"], dtype=np.uint8)
    label = (shard["label"][row] == classes[:, None, None]).astype(np.float32)
    photo = shard["photo"][row].transpose(2, 0, 1).astype(np.float32) / np.float32(127.5) - 1
    return torch.from_numpy(label)[None], torch.from_numpy(photo)[None]


splits = {split: shards(split) for split in ("train", "test")}
drops = []


def dropout():
    drops.append(Masked())
    return drops[-1]


G = unet(plan["downs"], plan["width"], plan["labelChannels"], dropout=dropout)
D = patchgan(plan["width"], plan["labelChannels"] + 3)
initial = safetensors_file.read(plan["weights"])[0]
for name, net in ("G", G), ("D", D):
    own = {key[2:]: torch.from_numpy(array.copy()) for key, array in initial.items() if key.startswith(name + ".")}
    missing, unexpected = net.load_state_dict(own, strict=False)
    lost = [key for key in missing if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    if lost or unexpected:
        sys.exit(f"{name}: missing {lost}, unexpected {unexpected}")
masks = safetensors_file.read(plan["masks"])[0]
training = Training(G, D, plan["learningRate"])


def train(step):
    for i, layer in enumerate(drops):
        layer.mask = torch.from_numpy(masks[f"dropout.{i}"][step - 1].astype(np.float32))[None]
    training.step(*pair("train", plan["rows"][step - 1]))


@torch.no_grad()
def held_out():
    for layer in drops:
        layer.mask = None
    rows = range(sum(len(shard["label"]) for shard in splits["test"]))
    return sum(training.l1(G(label), photo).item() for label, photo in (pair("test", row) for row in rows)) / len(rows)


for step in range(plan["steps"] + 1):
    if step > 0:
        train(step)
    if step in plan["marks"]:
        print(json.dumps({"step": step, "l1": held_out()}), flush=True)
