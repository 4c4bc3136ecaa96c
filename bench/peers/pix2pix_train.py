"""The pix2pix training step in PyTorch eager, as the peers that are timed and that learn take it."""
import torch
import torch.nn as nn


class Training:
    """Binary cross entropy and L1 x 100; Adam with betas .5 and .999; G forward once, D update, then G update through the updated D."""

    def __init__(self, G, D, rate=2e-4):
        self.G, self.D = G, D
        self.gan, self.l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
        self.opt_G, self.opt_D = (torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.999)) for net in (G, D))

    def step(self, label, photo):
        G, D, gan = self.G, self.D, self.gan
        fake = G(label)
        D.requires_grad_(True)
        self.opt_D.zero_grad()
        on_fake, on_real = D(torch.cat([label, fake.detach()], 1)), D(torch.cat([label, photo], 1))
        (0.5 * (gan(on_fake, torch.zeros_like(on_fake)) + gan(on_real, torch.ones_like(on_real)))).backward()
        self.opt_D.step()
        D.requires_grad_(False)
        self.opt_G.zero_grad()
        on_fake = D(torch.cat([label, fake], 1))
        (gan(on_fake, torch.ones_like(on_fake)) + 100 * self.l1(fake, photo)).backward()
        self.opt_G.step()
