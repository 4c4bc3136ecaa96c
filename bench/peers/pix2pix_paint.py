"""Paint with an exported generator: python3 pix2pix_paint.py G.safetensors LABELS.safetensors OUT.safetensors

`label` [N, C, H, W] in, `photo` [N, 3, H, W] out; dropout off. The state dict is loaded strictly.
"""
import json, sys
import torch
import safetensors_file
from pix2pix_nets import unet

weights, metadata = safetensors_file.read(sys.argv[1])
net = json.loads(metadata["architecture"])
G = unet(net["num_downs"], net["ngf"], net["input_nc"], net["norm"], net["upsample"], dropout=torch.nn.Identity)
G.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
label = torch.from_numpy(safetensors_file.read(sys.argv[2])[0]["label"].copy())
with torch.no_grad():
    # an image at a time, as it is used: each normalised by its own statistics
    photo = torch.cat([G(label[i : i + 1]) for i in range(len(label))])
safetensors_file.write(sys.argv[3], {"photo": photo.numpy()})
print("{}")
