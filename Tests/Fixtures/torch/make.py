"""Makes the files in this folder, with PyTorch itself.

Made with Python 3.11, torch 2.13.0+cpu, safetensors and PyYAML: `python make.py` in this folder. The two target folders
hold what the published tool's training leaves: the state dict of a model, the config as `yaml.dump` writes it and,
for a residual MLP, its label coefficients. `<name>.safetensors` holds what `<name>.pth` should be read as.
"""

import json
import os
import pathlib
import pickle
import warnings
import zipfile
from collections import OrderedDict

import torch
import yaml
from safetensors.torch import save_file
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(0)
here = pathlib.Path(__file__).parent


def save_with_expected(name, state):
    torch.save(state, here / f"{name}.pth")
    save_file({k: v.detach().float().contiguous().clone() for k, v in state.items()}, here / f"{name}.safetensors")


# The layouts that a tensor can have in its storage.
base = torch.arange(24, dtype=torch.float32)
state = OrderedDict(
    contiguous=base.reshape(4, 6),
    transposed=base.reshape(4, 6).T,
    permuted=base.reshape(2, 3, 4).permute(2, 0, 1),
    offset=base[5:9],
    strided=base.reshape(4, 6)[1::2, ::3],
    expanded=base[3].expand(2, 5),
    scalar=base[7],
    empty=torch.empty(0, 7),
    parameter=nn.Parameter(torch.tensor([1.5, -2.5])),
    special=torch.tensor([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-45, 3.4028235e38]),
    doubles=torch.tensor([[3.141592653589793, 1e-50], [1e300, -0.1]], dtype=torch.float64),
    halves=torch.tensor([1.0, -2.5, 65504.0, 6e-8, float("inf"), 0.1], dtype=torch.float16),
    brain=torch.tensor([[1.0], [-3.140625], [1e38]], dtype=torch.bfloat16).T,
)
save_with_expected("layouts", state)
for protocol in (3, 4, 5):
    torch.save(OrderedDict(w=base.reshape(4, 6).T), here / f"protocol{protocol}.pth", pickle_protocol=protocol)
torch.save(
    OrderedDict(
        w=base[:2], position_ids=torch.arange(3), mask=torch.ones(2, dtype=torch.int8), phase=torch.tensor([1j])
    ),
    here / "other_types.pth",
)
# The same as PyTorch saved before 1.6; `legacy.safetensors` is `layouts.safetensors`.
for old, new in (("layouts", "legacy"), ("other_types", "legacy_other_types")):
    loaded = torch.load(here / f"{old}.pth")
    torch.save(loaded, here / f"{new}.pth", _use_new_zipfile_serialization=False)
(here / "legacy.safetensors").write_bytes((here / "layouts.safetensors").read_bytes())
save_with_expected("plain_dict", {"a": base[:2], "b": base[2:4].double()})


# What a target folder of the published tool holds.
class TMSModel(nn.Module):
    def __init__(self, n_features, n_hidden, n_hidden_layers):
        super().__init__()
        self.linear1 = nn.Linear(n_features, n_hidden, bias=False)
        self.linear2 = nn.Linear(n_hidden, n_features, bias=True)
        if n_hidden_layers:
            layers = [nn.Linear(n_hidden, n_hidden, bias=False) for _ in range(n_hidden_layers)]
            self.hidden_layers = nn.ModuleList(layers)
        self.linear2.weight.data = self.linear1.weight.data.T


class MLP(nn.Module):
    def __init__(self, d_embed, d_mlp):
        super().__init__()
        self.mlp_in = nn.Linear(d_embed, d_mlp, bias=False)
        self.mlp_out = nn.Linear(d_mlp, d_embed, bias=False)


class ResidualMLP(nn.Module):
    def __init__(self, n_features, d_embed, d_mlp, n_layers):
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(n_features, d_embed))
        self.W_U = nn.Parameter(self.W_E.data.T)
        self.layers = nn.ModuleList([MLP(d_embed, d_mlp) for _ in range(n_layers)])


(here / "tms").mkdir(exist_ok=True)
tms = TMSModel(5, 2, 1)
torch.save(tms.state_dict(), here / "tms/tms.pth")
save_file({k: v.contiguous().clone() for k, v in tms.state_dict().items()}, here / "tms_expected.safetensors")
tms_config = dict(
    wandb_project=None,
    tms_model_config=dict(
        n_features=5, n_hidden=2, n_hidden_layers=1, tied_weights=True, init_bias_to_zero=False, device="cpu"
    ),
    feature_probability=0.05,
    batch_size=1024,
    steps=2000,
    seed=0,
    lr=5e-3,
    lr_schedule="constant",
    data_generation_type="at_least_zero_active",
    fixed_identity_hidden_layers=True,
    fixed_random_hidden_layers=False,
    synced_inputs=None,
)
(here / "tms/tms_train_config.yaml").write_text(yaml.dump(tms_config, indent=2))

(here / "resid_mlp").mkdir(exist_ok=True)
torch.save(ResidualMLP(6, 8, 4, 2).state_dict(), here / "resid_mlp/resid_mlp.pth")
resid_mlp_config = dict(
    wandb_project=None,
    seed=0,
    resid_mlp_model_config=dict(
        n_features=6, d_embed=8, d_mlp=4, n_layers=2, act_fn_name="relu", in_bias=False, out_bias=False
    ),
    label_fn_seed=0,
    label_type="act_plus_resid",
    loss_type="readoff",
    use_trivial_label_coeffs=True,
    feature_probability=0.01,
    synced_inputs=None,
    importance_val=1,
    data_generation_type="at_least_zero_active",
    batch_size=2048,
    steps=1000,
    print_freq=100,
    lr=3e-3,
    lr_schedule="cosine",
    fixed_random_embedding=True,
    fixed_identity_embedding=False,
    n_batches_final_losses=10,
)
(here / "resid_mlp/resid_mlp_train_config.yaml").write_text(yaml.dump(resid_mlp_config, indent=2))
(here / "resid_mlp/label_coeffs.json").write_text(json.dumps([1.0] * 6))

# What is refused.
(here / "refused").mkdir(exist_ok=True)
linear = nn.Linear(2, 1)
(here / "refused/bare_pickle.pth").write_bytes(pickle.dumps({"w": [1.0, 2.0]}, protocol=2))
torch.save(OrderedDict(w=base[:4], steps=torch.tensor([3])), here / "refused/int64.pth")
torch.save(OrderedDict(w=torch.tensor([3], dtype=torch.uint16)), here / "refused/uint16.pth")
torch.save({"model": linear.state_dict(), "step": 3}, here / "refused/training_state.pth")
torch.save(linear, here / "refused/module.pth")
torch.save(OrderedDict(w=torch.tensor([1 + 2j]).conj().imag), here / "refused/negated.pth")
torch.save(base[:3], here / "refused/tensor.pth")
torch.jit.script(linear).save(here / "refused/script.pth")


class Evil:
    def __reduce__(self):
        return os.system, ("touch it_was_executed",)


torch.save(OrderedDict(w=base[:4], evil=Evil()), here / "refused/evil.pth")
torch.save(
    OrderedDict(w=base[:4], evil=Evil()), here / "refused/legacy_evil.pth", _use_new_zipfile_serialization=False
)
with zipfile.ZipFile(here / "plain_dict.pth") as stored:
    with zipfile.ZipFile(here / "refused/compressed.pth", "w", zipfile.ZIP_DEFLATED) as compressed:
        for name in stored.namelist():
            compressed.writestr(name, stored.read(name))
