"""The pix2pix training step in PyTorch eager, as a peer to be timed.

Usage: python3 pix2pix_step.py SIZE THREADS [BATCH]
Reads a number of steps per line from stdin and answers each line with the seconds of every step.
The nets and the order of the step are those of the paper: U-Net with as many downs as the size allows, 70x70 PatchGAN,
batch 1 or as asked, dropout, Adam 2e-4; G forward once, D update, then G update through the updated D.
"""
import sys, time
import torch
import torch.nn as nn
from pix2pix_nets import patchgan, unet


def main():
    size, threads, batch = (int(word) for word in (sys.argv[1:] + ["1"])[:3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    G, D = unet(size.bit_length() - 1), patchgan()
    label, photo = (torch.rand(batch, 3, size, size) * 2 - 1 for _ in range(2))
    gan, l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
    opt_G, opt_D = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (G, D))

    def step():
        fake = G(label)
        D.requires_grad_(True)
        opt_D.zero_grad()
        on_fake, on_real = D(torch.cat([label, fake.detach()], 1)), D(torch.cat([label, photo], 1))
        (0.5 * (gan(on_fake, torch.zeros_like(on_fake)) + gan(on_real, torch.ones_like(on_real)))).backward()
        opt_D.step()
        D.requires_grad_(False)
        opt_G.zero_grad()
        on_fake = D(torch.cat([label, fake], 1))
        (gan(on_fake, torch.ones_like(on_fake)) + 100 * l1(fake, photo)).backward()
        opt_G.step()

    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        print(*seconds, flush=True)


main()
