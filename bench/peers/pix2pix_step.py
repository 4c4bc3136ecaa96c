"""The pix2pix training step in PyTorch eager, as a peer to be timed.

Usage: python3 pix2pix_step.py SIZE THREADS [BATCH]
Reads a number of steps per line from stdin and answers each line with the seconds of every step.
The nets and the order of the step are those of the paper: U-Net with as many downs as the size allows, 70x70 PatchGAN,
batch 1 or as asked, dropout, Adam 2e-4; G forward once, D update, then G update through the updated D.
"""
import sys, time
import torch
from pix2pix_nets import patchgan, unet
from pix2pix_train import Training


def main():
    size, threads, batch = (int(word) for word in (sys.argv[1:] + ["1"])[:3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    G, D = unet(size.bit_length() - 1), patchgan()
    label, photo = (torch.rand(batch, 3, size, size) * 2 - 1 for _ in range(2))
    training = Training(G, D)
    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            training.step(label, photo)
            seconds.append(time.perf_counter() - start)
        print(*seconds, flush=True)


main()
