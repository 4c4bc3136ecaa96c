"""The nets of pix2pix in PyTorch, with the module names of pytorch-CycleGAN-and-pix2pix: our own code, as a peer.

As in use there, normalisation always takes the statistics of the batch (nobody calls eval()).
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


def norm_layer(kind, channels):
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels) if kind == "instance" else nn.Identity()


class ResizeConv(nn.Module):
    """Doubled pixels, then a 3x3 convolution whose filters have the input channels first."""

    def __init__(self, inputs, outputs, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, 3, 3).normal_(0, 0.02))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x):
        return F.conv2d(F.interpolate(x, scale_factor=2), self.weight.transpose(0, 1), self.bias, padding=1)


class Masked(nn.Module):
    """Dropout of one half by a mask of 0 and 2 that is given; without one it lets everything through."""

    mask = None

    def forward(self, x):
        return x if self.mask is None else x * self.mask


class UNetBlock(nn.Module):
    def __init__(self, outer, inner, below=None, inputs=None, outermost=False, norm="batch", upsample="transpose", dropout=None):
        super().__init__()
        self.outermost = outermost
        bias = norm == "instance"
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=bias)

        def up(channels, bias=bias):
            return ResizeConv(channels, outer, bias) if upsample == "resize" else nn.ConvTranspose2d(channels, outer, 4, 2, 1, bias=bias)

        if outermost:
            layers = [down, below, nn.ReLU(True), up(inner * 2, True), nn.Tanh()]
        elif below is None:
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up(inner), norm_layer(norm, outer)]
        else:
            layers = [nn.LeakyReLU(0.2, True), down, norm_layer(norm, inner), below, nn.ReLU(True), up(inner * 2), norm_layer(norm, outer)]
            if dropout is not None:
                layers.append(dropout)
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Net(nn.Module):
    """All names begin with `model.`."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)


def unet(downs, width=64, inputs=3, norm="batch", upsample="transpose", dropout=lambda: nn.Dropout(0.5)):
    """`dropout` makes a layer for each of the three innermost levels of full width but the bottleneck, innermost first."""
    channels = [width * min(2**level, 8) for level in range(downs)]
    block = None
    for level in range(downs - 1, 0, -1):
        dropped = max(4, downs - 4) <= level <= downs - 2
        block = UNetBlock(channels[level - 1], channels[level], block, norm=norm, upsample=upsample, dropout=dropout() if dropped else None)
    return Net(UNetBlock(3, width, block, inputs=inputs, outermost=True, norm=norm, upsample=upsample))


def patchgan(width=64, inputs=6, layers=3, norm="batch"):
    bias = norm == "instance"
    modules, before = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2, True)], width
    for n in range(1, layers + 1):
        channels = width * min(2**n, 8)
        stride = 2 if n < layers else 1
        modules += [nn.Conv2d(before, channels, 4, stride, 1, bias=bias), norm_layer(norm, channels), nn.LeakyReLU(0.2, True)]
        before = channels
    return Net(nn.Sequential(*modules, nn.Conv2d(before, 1, 4, 1, 1)))
