#!/usr/bin/env python3
"""One SPD training step in plain PyTorch on the CPU, as someone would first write it: what ours is compared with.

  peer.py time --threads 2 --seconds 2 [--compile] < experiment.json     prints the times of steps as JSON
  peer.py check GIVEN.safetensors RESULT.safetensors                     compares with `worker replay`

experiment.json holds `config` and `targetConfig` as `worker bench --json` prints them.
"""
import argparse
import fnmatch
import json
import math
import resource
import struct
import sys
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from llama import Llama


# ---- targets ---------------------------------------------------------------------------------------------------------

class TMS(nn.Module):
    def __init__(self, n_features, n_hidden, n_hidden_layers=0, tied_weights=False, **_):
        super().__init__()
        self.linear1 = nn.Linear(n_features, n_hidden, bias=False)
        self.hidden_layers = nn.ModuleList(nn.Linear(n_hidden, n_hidden, bias=False) for _ in range(n_hidden_layers))
        self.linear2 = nn.Linear(n_hidden, n_features)
        if tied_weights:
            self.linear2.weight.data = self.linear1.weight.data.T
        self.features = n_features

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear1(x)
        for layer in self.hidden_layers:
            x = layer(x)
        return torch.relu(self.linear2(x))


class Layer(nn.Module):
    def __init__(self, d_embed, d_mlp, act_fn_name, in_bias, out_bias):
        super().__init__()
        self.mlp_in = nn.Linear(d_embed, d_mlp, bias=in_bias)
        self.mlp_out = nn.Linear(d_mlp, d_embed, bias=out_bias)
        self.activation = F.gelu if act_fn_name == "gelu" else torch.relu

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp_out(self.activation(self.mlp_in(x)))


class ResidualMLP(nn.Module):
    def __init__(self, n_features, d_embed, d_mlp, n_layers, act_fn_name, in_bias=False, out_bias=False, **_):
        super().__init__()
        W_E = torch.randn(n_features, d_embed)
        self.W_E = nn.Parameter(W_E / W_E.norm(dim=1, keepdim=True))
        self.W_U = nn.Parameter(self.W_E.data.T.clone())
        self.layers = nn.ModuleList(
            Layer(d_embed, d_mlp, act_fn_name, in_bias, out_bias) for _ in range(n_layers))
        self.features = n_features

    def forward(self, x: Tensor) -> Tensor:
        residual = x @ self.W_E
        for layer in self.layers:
            residual = residual + layer(residual)
        return residual @ self.W_U


# ---- subcomponents and gates -----------------------------------------------------------------------------------------

class Component(nn.Module):
    """A module that is itself, or masked subcomponents: y = ((x V) * m) U + bias; of an embedding V[x] for x V."""

    def __init__(self, original: nn.Linear | nn.Embedding, C: int):
        super().__init__()
        self.original, self.is_embedding = original, isinstance(original, nn.Embedding)
        self.bias = None if self.is_embedding else original.bias
        W = self.weight.data
        V, U = torch.randn(W.shape[1], C), torch.randn(C, W.shape[0])
        V, U = V / V.norm(dim=0), U / U.norm(dim=1, keepdim=True)
        overlap = torch.einsum("co,oi,ic->c", U, W, V)
        self.V, self.U = nn.Parameter(V), nn.Parameter(U * overlap[:, None])
        self.mask: Tensor | None = None
        self.input: Tensor | None = None

    @property
    def weight(self) -> Tensor:
        """W [out, in]."""
        return self.original.weight.T if self.is_embedding else self.original.weight

    def inner(self, x: Tensor) -> Tensor:
        return F.embedding(x, self.V) if self.is_embedding else x @ self.V

    def forward(self, x: Tensor) -> Tensor:
        if self.mask is None:
            self.input = x
            return self.original(x)
        y = (self.inner(x) * self.mask) @ self.U
        return y if self.bias is None else y + self.bias


class Gate(nn.Module):
    """A small MLP per subcomponent, from its inner activation."""

    def __init__(self, C: int, neurons: int):
        super().__init__()
        self.mlp_in = nn.Parameter(torch.randn(C, neurons) * math.sqrt(2))
        self.in_bias = nn.Parameter(torch.zeros(C, neurons))
        self.mlp_out = nn.Parameter(torch.randn(C, neurons) / math.sqrt(neurons))
        self.out_bias = nn.Parameter(torch.zeros(C))

    def forward(self, a: Tensor) -> Tensor:
        hidden = F.gelu(torch.einsum("...c,cn->...cn", a, self.mlp_in) + self.in_bias)
        return torch.einsum("...cn,cn->...c", hidden, self.mlp_out) + self.out_bias


class LinearGate(nn.Module):
    def __init__(self, C: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(C)), nn.Parameter(torch.zeros(C))

    def forward(self, a: Tensor) -> Tensor:
        return a * self.weight + self.bias


class LowerLeakyHard(torch.autograd.Function):
    """clamp(g, 0, 1), backward as if alpha g below 0."""

    @staticmethod
    def forward(ctx, g):
        ctx.save_for_backward(g)
        return g.clamp(0, 1)

    @staticmethod
    def backward(ctx, d):
        (g,) = ctx.saved_tensors
        return torch.where(g <= 0, 0.01 * d, torch.where(g <= 1, d, torch.zeros_like(d)))


def upper_leaky_hard(g: Tensor) -> Tensor:
    return torch.where(g > 1, 1 + 0.01 * (g - 1), g.clamp(min=0))


def importances(g: Tensor, sigmoid_type: str) -> tuple[Tensor, Tensor]:
    """Causal importances as masks see them, and as importance losses do."""
    if sigmoid_type == "leaky_hard":
        return LowerLeakyHard.apply(g), upper_leaky_hard(g)
    value = {"normal": torch.sigmoid, "hard": lambda g: g.clamp(0, 1), "upper_leaky_hard": upper_leaky_hard}
    ci = value[sigmoid_type](g)
    return ci, ci.abs()


# ---- one step --------------------------------------------------------------------------------------------------------

class Decomposition(nn.Module):
    def __init__(self, target: nn.Module, config: dict, tied: bool):
        super().__init__()
        self.target, self.config = target.requires_grad_(False), config
        patterns = config["target_module_patterns"]
        names = [n for n, m in target.named_modules()
                 if isinstance(m, (nn.Linear, nn.Embedding)) and any(fnmatch.fnmatchcase(n, p) for p in patterns)]
        self.components: dict[str, Component] = {}
        self.gates: dict[str, nn.Module] = {}
        for name in names:
            component = Component(target.get_submodule(name), config["C"])
            parent, _, child = name.rpartition(".")
            setattr(target.get_submodule(parent), child, component)
            self.components[name] = component
            neurons = config["n_ci_mlp_neurons"]
            self.gates[name] = Gate(config["C"], neurons) if neurons else LinearGate(config["C"])
        self.elements = sum(c.original.weight.numel() for c in self.components.values())
        if tied:
            self.tie()

    def tie(self) -> None:
        """One storage, two parameters: linear2's subcomponents are linear1's transposed."""
        first, second = self.components["linear1"], self.components["linear2"]
        second.V.data, second.U.data = first.U.data.T, first.V.data.T

    def trained(self) -> dict[str, nn.Parameter]:
        named = {}
        for name, component in self.components.items():
            named[f"components.{name}.V"], named[f"components.{name}.U"] = component.V, component.U
        for name, gate in self.gates.items():
            named.update({f"gates.{name}.{key}": p for key, p in gate.named_parameters()})
        return named

    def masked(self, x: Tensor, masks: dict[str, Tensor]) -> Tensor:
        for name, component in self.components.items():
            component.mask = masks.get(name)
        return self.target(x)

    def losses(self, x: Tensor, uniforms) -> dict[str, Tensor]:
        """Every loss with a coefficient; `uniforms(term, sample, module, like)` gives the numbers of a mask."""
        config, names = self.config, list(self.components)
        with torch.no_grad():
            target_out = self.masked(x, {})
        inputs = {name: c.input for name, c in self.components.items()}
        ci, upper = {}, {}
        for name, component in self.components.items():
            ci[name], upper[name] = importances(self.gates[name](component.inner(inputs[name])), config["sigmoid_type"])

        def distance(masks):
            out = self.masked(x, masks)
            if config["output_loss_type"] == "mse":
                return ((out - target_out) ** 2).mean()
            return F.kl_div(F.log_softmax(out, -1), F.softmax(target_out, -1), reduction="none").sum(-1).mean()

        def drawn(term, sample, name):
            return ci[name] + (1 - ci[name]) * uniforms(term, sample, name, ci[name])

        def mean(values):
            return sum(values) / len(values)

        samples = range(config["n_mask_samples"])
        ways = {
            "faithfulness": lambda: sum(
                ((c.weight - (c.V @ c.U).T) ** 2).sum() for c in self.components.values()) / self.elements,
            "recon": lambda: distance(ci),
            "stochastic_recon": lambda: mean(
                [distance({n: drawn("stochastic_recon", s, n) for n in names}) for s in samples]),
            "recon_layerwise": lambda: mean([distance({n: ci[n]}) for n in names]),
            "stochastic_recon_layerwise": lambda: mean(
                [distance({n: drawn("stochastic_recon_layerwise", s, n)}) for s in samples for n in names]),
            "importance_minimality": lambda: sum(
                ((upper[n] + 1e-12) ** config["pnorm"]).sum(-1).mean() for n in names),
            "schatten": lambda: sum(
                ((upper[n] ** config["pnorm"]).flatten(0, -2).mean(0)
                 * ((c.V ** 2).sum(0) + (c.U ** 2).sum(1))).sum() for n, c in self.components.items()),
            "out_recon": lambda: distance({n: torch.ones_like(ci[n]) for n in names}),
        }
        # A loss that is not trained on is computed for reports only, by ours as well.
        return {term: way() for term, way in ways.items() if config.get(term + "_coeff")}

    def total(self, x: Tensor, uniforms) -> Tensor:
        return sum(self.config[term + "_coeff"] * loss for term, loss in self.losses(x, uniforms).items())


def learning_rate(config: dict, step: int) -> float:
    warmup = int(config["steps"] * config["lr_warmup_pct"])
    if step < warmup:
        return config["lr"] * step / warmup
    step, steps = step - warmup, config["steps"] - warmup
    return config["lr"] * {
        "constant": lambda: 1,
        "linear": lambda: 1 - step / steps,
        "cosine": lambda: 1 if steps == 1 else math.cos(0.5 * math.pi * step / (steps - 1)),
        "exponential": lambda: 0.5 ** (step / config["lr_exponential_halflife"]),
    }[config["lr_schedule"]]()


def optimiser(decomposition: Decomposition) -> torch.optim.Optimizer:
    return torch.optim.AdamW(list(decomposition.trained().values()), lr=decomposition.config["lr"], weight_decay=0)


def target_of(config: dict) -> nn.Module:
    if "vocab_size" in config:
        return Llama(config)
    return TMS(**config) if "n_hidden" in config else ResidualMLP(**config)


# ---- time ------------------------------------------------------------------------------------------------------------

def batch(config: dict, target: nn.Module) -> Tensor:
    task = config["task_config"]
    if task["task_name"] == "lm":
        return torch.randint(target.vocabulary, (config["batch_size"], task["max_seq_len"]))
    shape = (config["batch_size"], target.features)
    values = torch.rand(shape) if task["task_name"] == "tms" else torch.rand(shape) * 2 - 1
    return values * (torch.rand(shape) < task["feature_probability"])


def time_steps(arguments) -> None:
    given = json.load(sys.stdin)
    config, training = json.loads(given["config"]), json.loads(given["targetConfig"])
    shape = training.get("tms_model_config") or training.get("resid_mlp_model_config") or training
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    decomposition = Decomposition(target_of(shape), config, tied=bool(shape.get("tied_weights")))
    adam = optimiser(decomposition)
    total = torch.compile(decomposition.total) if arguments.compile else decomposition.total

    def uniforms(term, sample, module, like):
        return torch.rand_like(like)

    def step(number):
        start = time.perf_counter()
        for group in adam.param_groups:
            group["lr"] = learning_rate(config, number)
        adam.zero_grad()
        total(batch(config, decomposition.target), uniforms).backward()
        adam.step()
        return (time.perf_counter() - start) * 1000

    # The first steps allocate, initialise libraries or compile, and don't count; where a step takes so long that this
    # hardly shows, the first counts, for the sake of everyone's time.
    for number in range(2 if arguments.compile else 1):
        first = step(number)
    start = time.perf_counter()
    times = [first] if first > 15_000 and not arguments.compile else []
    fewest = 1 if first > 15_000 else 3
    while len(times) < fewest or (first < 15_000 and time.perf_counter() - start < arguments.seconds):
        times.append(step(number + 1 + len(times)))
    print(json.dumps({
        "threads": arguments.threads, "compiled": arguments.compile, "torch": torch.__version__,
        "stepMilliseconds": times, "medianMilliseconds": sorted(times)[len(times) // 2],
        "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


# ---- check -----------------------------------------------------------------------------------------------------------

def read_safetensors(path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    types = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(
            bytearray(data[begin:end]), dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def check(arguments) -> None:
    given, metadata = read_safetensors(arguments.given)
    result, _ = read_safetensors(arguments.result)
    config, shape = json.loads(metadata["config"]), json.loads(metadata["target_config"])
    target = target_of(shape)
    with torch.no_grad():
        for name, tensor in target.state_dict().items():
            tensor.copy_(given["target." + name])
    decomposition = Decomposition(target, config, tied=bool(shape.get("tied_weights")))
    with torch.no_grad():
        for name, parameter in decomposition.trained().items():
            parameter.copy_(given["init." + name])
    adam = optimiser(decomposition)
    worst = {"loss": 0.0, "gradient": 0.0}
    for step in range(int(metadata["steps"])):
        for group in adam.param_groups:
            group["lr"] = learning_rate(config, step)
        adam.zero_grad()
        losses = decomposition.losses(
            given[f"step{step}.batch"],
            lambda term, sample, module, like: given[f"step{step}.uniform.{term}.{sample}.{module}"])
        total = sum(config[term + "_coeff"] * loss for term, loss in losses.items())
        total.backward()
        for term, loss in {**losses, "total": total}.items():
            name = "output_recon" if term == "out_recon" else term
            ours = result[f"step{step}.loss.{name}"].item()
            worst["loss"] = max(worst["loss"], abs(loss.item() - ours) / max(abs(ours), 1e-30))
        for name, parameter in decomposition.trained().items():
            ours = result[f"step{step}.grad.{name}"]
            scale = max(ours.abs().max().item(), 1e-30)
            worst["gradient"] = max(worst["gradient"], (parameter.grad - ours).abs().max().item() / scale)
        adam.step()
    agrees = worst["loss"] < 1e-5 and worst["gradient"] < 1e-4
    print(f"{arguments.given}: {'agrees' if agrees else 'DIFFERS'}; losses within {worst['loss']:.1e}, "
          f"gradients within {worst['gradient']:.1e} of their largest")
    sys.exit(0 if agrees else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    timing = commands.add_parser("time")
    timing.add_argument("--threads", type=int, required=True)
    timing.add_argument("--seconds", type=float, default=2)
    timing.add_argument("--compile", action="store_true")
    timing.set_defaults(run=time_steps)
    checking = commands.add_parser("check")
    checking.add_argument("given")
    checking.add_argument("result")
    checking.set_defaults(run=check)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
