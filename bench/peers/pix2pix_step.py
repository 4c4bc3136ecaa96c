"""The pix2pix training step in PyTorch eager, as a peer to be timed.

Usage: python3 pix2pix_step.py SIZE THREADS [BATCH]
Reads a number of steps per line from stdin and answers each line with the seconds of every step.
The nets and the order of the step are those of the paper: U-Net with as many downs as the size allows, 70x70 PatchGAN,
batch 1 or as asked, dropout, Adam 2e-4; G forward once, D update, then G update through the updated D.
"""
import sys, time
import torch
import torch.nn as nn


class UNetBlock(nn.Module):
    def __init__(self, outer, inner, below=None, inputs=None, outermost=False, innermost=False, dropout=False):
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=False)
        if outermost:
            layers = [down, below, nn.ReLU(True), nn.ConvTranspose2d(inner * 2, outer, 4, 2, 1), nn.Tanh()]
        elif innermost:
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        else:
            layers = [nn.LeakyReLU(0.2, True), down, nn.BatchNorm2d(inner), below, nn.ReLU(True),
                      nn.ConvTranspose2d(inner * 2, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
            if dropout:
                layers.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(downs, width=64):
    block = UNetBlock(width * 8, width * 8, innermost=True)
    for i in range(downs - 5):
        block = UNetBlock(width * 8, width * 8, block, dropout=i < 3)
    for factor in (4, 2, 1):
        block = UNetBlock(width * factor, width * factor * 2, block)
    return UNetBlock(3, width, block, inputs=3, outermost=True)


def patchgan(width=64):
    def block(i, o, stride):
        return [nn.Conv2d(i, o, 4, stride, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2, True)]

    return nn.Sequential(nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2, True), *block(width, width * 2, 2),
                         *block(width * 2, width * 4, 2), *block(width * 4, width * 8, 1), nn.Conv2d(width * 8, 1, 4, 1, 1))


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
