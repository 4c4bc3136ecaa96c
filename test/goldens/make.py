"""Small reference values for the training step, computed with PyTorch's functions in float64.

Usage: python3 make.py [OUT_DIR]      (needs torch and numpy; the committed files were made with torch 1.13)

Beside the square batch-norm net they cover what differs by rule: rectangles, instance norm with its biases.
Each file holds `init.*` and `final.*` weights by state-dict key behind G. and D., `batch.*`, and per step the losses;
`step3.generated` is what G painted in step 3. The metadata is the configuration. No dropout.
"""
import json
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

KEY = "model.model."


def key(level):
    """The state-dict prefix of a U-Net level below the outermost."""
    return "G." + KEY + "1.model." + "3.model." * (level - 1)


def weights(c, rng):
    w = {}

    def conv(name, out, inn, biased, flipped=False):
        shape = (inn, out, 4, 4) if flipped else (out, inn, 4, 4)
        w[name + ".weight"] = torch.randn(shape, generator=rng) * 0.1
        if biased:
            w[name + ".bias"] = torch.randn(out, generator=rng) * 0.01

    def norm(name, channels):
        if c["norm"] == "batch":
            w[name + ".weight"] = 1 + torch.randn(channels, generator=rng) * 0.02
            w[name + ".bias"] = torch.randn(channels, generator=rng) * 0.01

    biased = c["norm"] == "instance"
    width = [c["ngf"] * min(2**i, 8) for i in range(c["downs"])]
    conv("G." + KEY + "0", width[0], c["label_channels"], biased)
    for level in range(1, c["downs"]):
        inner = level == c["downs"] - 1
        conv(key(level) + "1", width[level], width[level - 1], biased)
        if not inner:
            norm(key(level) + "2", width[level])
        conv(key(level) + ("3" if inner else "5"), width[level - 1], width[level] * (1 if inner else 2), biased, True)
        norm(key(level) + ("4" if inner else "6"), width[level - 1])
    conv("G." + KEY + "3", 3, 2 * width[0], True, True)

    conv("D.model.0", c["ndf"], c["label_channels"] + 3, True)
    at, before = 2, c["ndf"]
    for n in range(1, c["layers"] + 1):
        out = c["ndf"] * min(2**n, 8)
        conv(f"D.model.{at}", out, before, biased)
        norm(f"D.model.{at + 1}", out)
        at, before = at + 3, out
    conv(f"D.model.{at}", 1, before, True)
    return w


def nets(c, w):
    def norm(x, name):
        if c["norm"] == "instance":
            return F.instance_norm(x)
        return F.batch_norm(x, None, None, w[name + ".weight"], w[name + ".bias"], training=True)

    def level(x, n):
        inner, k = n == c["downs"] - 1, key(n)
        y = F.conv2d(F.leaky_relu(x, 0.2), w[k + "1.weight"], w.get(k + "1.bias"), 2, 1)
        if not inner:
            y = level(norm(y, k + "2"), n + 1)
        up = k + ("3" if inner else "5")
        y = F.conv_transpose2d(F.relu(y), w[up + ".weight"], w.get(up + ".bias"), 2, 1)
        return torch.cat([x, norm(y, k + ("4" if inner else "6"))], 1)

    def generate(label):
        outer, last = "G." + KEY + "0", "G." + KEY + "3"
        x = level(F.conv2d(label, w[outer + ".weight"], w.get(outer + ".bias"), 2, 1), 1)
        return torch.tanh(F.conv_transpose2d(F.relu(x), w[last + ".weight"], w[last + ".bias"], 2, 1))

    def judge(pair):
        x = F.leaky_relu(F.conv2d(pair, w["D.model.0.weight"], w["D.model.0.bias"], 2, 1), 0.2)
        at = 2
        for n in range(1, c["layers"] + 1):
            name = f"D.model.{at}"
            x = F.conv2d(x, w[name + ".weight"], w.get(name + ".bias"), 2 if n < c["layers"] else 1, 1)
            x, at = F.leaky_relu(norm(x, f"D.model.{at + 1}"), 0.2), at + 3
        return F.conv2d(x, w[f"D.model.{at}.weight"], w[f"D.model.{at}.bias"], 1, 1)

    return generate, judge


def run(path, **c):
    torch.set_default_dtype(torch.float64)
    rng = torch.Generator().manual_seed(c["seed"])

    def random_image(channels):
        x = torch.rand(c["batch"], channels, c["height"], c["width"], generator=rng) * 2 - 1
        return x.float().double()

    w = {name: v.float().double().requires_grad_(True) for name, v in weights(c, rng).items()}
    label, photo = random_image(c["label_channels"]), random_image(3)
    out = {f"init.{name}": v.detach().clone() for name, v in w.items()}
    out |= {"batch.label": label, "batch.photo": photo}
    generate, judge = nets(c, w)
    adam = {p: torch.optim.Adam([v for n, v in w.items() if n[0] == p], lr=2e-4, betas=(0.5, 0.999)) for p in "GD"}

    def gan(logits, target):
        wanted = torch.full_like(logits, target)
        return F.mse_loss(logits, wanted) if c["gan"] == "mse" else F.binary_cross_entropy_with_logits(logits, wanted)

    for k in (1, 2, 3):
        fake = generate(label)
        real, false = gan(judge(torch.cat([label, photo], 1)), 1.0), gan(judge(torch.cat([label, fake.detach()], 1)), 0.0)
        adam["D"].zero_grad(), (0.5 * (real + false)).backward(), adam["D"].step()
        pleased, l1 = gan(judge(torch.cat([label, fake], 1)), 1.0), c["lambda_l1"] * F.l1_loss(fake, photo)
        adam["G"].zero_grad(), (pleased + l1).backward(), adam["G"].step()
        losses = dict(D=0.5 * (real + false), D_real=real, D_fake=false, G=pleased + l1, G_GAN=pleased, G_L1=l1)
        out |= {f"step{k}.loss_{name}": value.detach() for name, value in losses.items()}
    out["step3.generated"] = fake.detach()
    out |= {f"final.{name}": v.detach() for name, v in w.items()}

    header, blobs, at = {"__metadata__": {k: str(v) for k, v in c.items()}}, [], 0
    for name in sorted(out):
        blob = np.ascontiguousarray(out[name].numpy(), dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(out[name].shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


if __name__ == "__main__":
    to = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    shared = dict(downs=5, ngf=1, lambda_l1=100.0, label_channels=3, batch=1)
    run(f"{to}/square_batch_bce.safetensors", width=32, height=32, norm="batch", gan="bce", ndf=2, layers=2, seed=3, **shared)
    run(f"{to}/wide_instance_mse.safetensors", width=64, height=32, norm="instance", gan="mse", ndf=1, layers=1, seed=5, **shared)
