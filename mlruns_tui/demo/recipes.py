"""What each experiment of the demo is about: names, hyperparameters, metrics, files, and who must stay.

Data only. Counts add up to 1,293 runs of which 143 are old and needed by nothing; ``population`` turns
a recipe into runs, ``content`` holds the sums to that.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlruns_tui.model.words import Status

from .values import ArtifactKind, Fate, Shape


@dataclass(frozen=True, slots=True)
class Goal:
    """A metric: where it starts and settles, how it trembles, how much runs differ in the end."""

    name: str
    first: float
    last: float
    wobble: float
    spread: float
    shape: Shape = "settle"
    on_dataset: bool = False
    """Logged with the name and digest of the run's dataset, if it has one."""


@dataclass(frozen=True, slots=True)
class FileOf:
    """An artifact of every run; ``share`` is its part of the recipe's kilobytes."""

    path: str
    kind: ArtifactKind
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Special:
    """A run with a name of its own. ``days``: since it ended, or since it began if RUNNING and old;
    for a younger RUNNING run since it last wrote, 0 for the one that is alive."""

    name: str
    fate: Fate
    days: float
    status: Status = "FINISHED"
    model: str = ""
    """``in-run``: holds a model the 2.x way; ``logged``: made a logged model."""


@dataclass(frozen=True, slots=True)
class Family:
    """A parent that ended ``days`` ago with children of the same time and children added lately.

    ``folds``: the first child has so many children itself.
    """

    name: str
    days: float
    children: int
    added: int = 0
    folds: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One experiment."""

    name: str
    runs: int
    goes: int
    deleted: int
    script: str
    users: tuple[str, ...]
    template: str
    """Run name from the params (``/`` in their names is ``_`` here); empty for MLflow's made-up names."""
    params: tuple[tuple[str, str], ...]
    """Name and the values it may have, separated by blanks."""
    goals: tuple[Goal, ...]
    files: tuple[FileOf, ...]
    kilobytes: int
    minutes: tuple[int, int]
    points: tuple[int, int]
    specials: tuple[Special, ...] = ()
    families: tuple[Family, ...] = ()
    old_names: tuple[str, ...] = ()
    young_names: tuple[str, ...] = ()
    dataset: tuple[str, str, str, int] | None = None
    """Name, digest, source, rows."""
    tags: tuple[tuple[str, str], ...] = ()


LR = Goal("lr", 0.0003, 0.00001, 0, 0, "cosine")
_CONFIG = FileOf("config.yaml", "config")
_REPORT = FileOf("report.json", "report")
_NEEDS = FileOf("requirements.txt", "requirements")
_TOKENS = FileOf("tokenizer/vocab.json", "vocabulary")
_MATRIX = FileOf("plots/confusion_matrix.png", "image")


def _kept(name: str, days: float) -> Special:
    return Special(name, "keep-tag", days)


def _paused(name: str, days: float) -> Special:
    return Special(name, "young", days, "RUNNING")


DEFAULT = Recipe(
    "Default", 12, 7, 2, "quickstart.py", ("alice", "bob", "minji"), "",
    (("alpha", "0.1 0.5 1.0"), ("l1_ratio", "0.1 0.5 0.9")),
    (Goal("rmse", 0.98, 0.74, 0.01, 0.05), Goal("r2", 0.02, 0.31, 0.01, 0.05)),
    (FileOf("model.pkl", "weights", 0.9), FileOf("train.csv", "table", 0.1)), 14, (1, 6), (1, 3),
)  # fmt: skip

RECIPES = (
    DEFAULT,
    Recipe(
        "llm-sft-qlora", 88, 0, 0, "finetune/sft.py", ("minji", "svc-train"), "{base_model}-r{lora_r}-lr{lr}",
        (("base_model", "qwen2.5-7b llama3.1-8b gemma2-9b mistral-7b"), ("lora/r", "8 16 32 64"),
         ("lora/alpha", "16 32 64"), ("lora/dropout", "0.0 0.05"), ("lr", "5e-5 1e-4 2e-4"),
         ("seq_len", "2048 4096"), ("micro_batch", "1 2 4"), ("grad_accum", "8 16 32"), ("seed", "1337 42 7")),
        (Goal("train/loss", 2.1, 0.92, 0.05, 0.08), Goal("eval/loss", 1.9, 1.08, 0.02, 0.06),
         Goal("eval/rouge_l", 0.18, 0.41, 0.01, 0.03), LR, Goal("grad_norm", 0.8, 0.6, 0.15, 0.1, "flat")),
        (FileOf("adapter/adapter_model.safetensors", "weights", 0.93),
         FileOf("adapter/adapter_config.json", "config"), _TOKENS, FileOf("logs/train.log", "log", 0.05),
         FileOf("samples.csv", "table", 0.02)), 460, (90, 900), (14, 26),
        (Special("qwen2.5-7b-r64-dpo-mix", "live", 0, "RUNNING"), _kept("paper-table3-llama-r16", 121),
         Special("qwen2.5-7b-r32-final", "young", 6, model="logged"), _paused("gemma2-9b-r8-oom-check", 4)),
        young_names=("🔥 qwen r64 best so far", "llama3.1-8b lr[2e-4] packed", "sft [/] no system prompt"),
        dataset=("support-dialogs-v4", "9c1e07ab", "/data/dialogs/v4.parquet", 48_210),
        tags=(("team", "language"), ("mlflow.note.content", "QLoRA of 7-9B models on support dialogs.")),
    ),
    Recipe(
        "resnet50-imagenet", 214, 22, 6, "train_resnet.py", ("alice", "bob", "svc-train"),
        "r50-{optimizer}-{schedule}-bs{batch_size}",
        (("arch", "resnet50"), ("optimizer", "sgd lars lamb adamw"), ("schedule", "cosine step poly"),
         ("batch_size", "256 512 1024 4096"), ("lr", "0.1 0.4 1.6"), ("weight_decay", "1e-4 5e-5 2e-5"),
         ("label_smoothing", "0.0 0.1"), ("mixup", "0.0 0.2"), ("epochs", "90 120 300")),
        (Goal("train_loss", 6.8, 1.42, 0.06, 0.15), Goal("val_loss", 6.4, 1.31, 0.05, 0.12),
         Goal("val_top1", 0.02, 0.762, 0.006, 0.02), LR),
        (FileOf("checkpoints/last.pth", "weights", 0.96), _CONFIG, _MATRIX, FileOf("train.log", "log", 0.04)),
        120, (240, 1400), (16, 30),
        (Special("r50-lars-bs4096-v1", "model-version", 94, model="logged"), _kept("paper-fig2-cosine-90ep", 88),
         _kept("paper-fig2-lamb-90ep", 87), Special("warmup-5ep-hang", "running", 66, "RUNNING"),
         Special("r50-ema-distill", "young", 12, model="logged"), Special("warmup-5ep", "goes", 61, "KILLED")),
        (Family("lr-sweep-{date}", 97, 2, 1), Family("wd-sweep-{date}", 64, 1, 1), Family("mixup-grid-{date}", 141, 4),
         Family("ema-sweep-{date}", 9, 7), Family("seeds-{date}", 16, 5)),
        ("r50-sgd-cosine-90ep", "r50-lars-bs8192", "r50 baseline (torchvision recipe)"),
        ("lr[0.1]", "lr[0.4] wd[5e-5]", "100% data, no mixup", "[bold]not markup[/bold]"),
        ("imagenet-1k", "4b8d61f0", "/data/imagenet/train", 1_281_167), (("team", "vision"),),
    ),
    Recipe(
        "diffusion-faces", 73, 0, 0, "diffusion/train.py", ("bob", "svc-train"),
        "ddpm-{resolution}-{schedule}-t{steps}",
        (("resolution", "64 128 256"), ("schedule", "linear cosine"), ("steps", "250 1000"),
         ("channels", "96 128 192"), ("opt/name", "adam adamw"), ("opt/lr", "1e-4 2e-4"), ("ema", "0.999 0.9999")),
        (Goal("loss", 0.42, 0.021, 0.002, 0.003), Goal("fid", 180.0, 14.2, 1.5, 4.0), LR),
        (FileOf("unet_ema.safetensors", "weights", 0.97), FileOf("samples/grid_000.png", "image"),
         FileOf("samples/grid_001.png", "image"), _CONFIG, _NEEDS), 260, (300, 1500), (16, 28),
        (_kept("paper-appendix-fid14", 154), _paused("ddpm-256-v-pred", 11)),
        (Family("guidance-{date}", 13, 6),), young_names=("얼굴-256-재학습", "ddpm-256 (ema=0.9999, no aug)"),
        tags=(("team", "vision"),),
    ),
    Recipe(
        "whisper-ko-asr", 61, 0, 0, "asr/finetune_whisper.py", ("minji", "jiho"), "whisper-{size}-{freeze}-lr{lr}",
        (("size", "tiny base small medium"), ("freeze", "encoder none"), ("lr", "1e-5 3e-5 5e-6"), ("beam", "1 5"),
         ("spec_augment", "true false"), ("batch_size", "8 16 32")),
        (Goal("train_loss", 1.6, 0.21, 0.03, 0.04), Goal("cer", 0.31, 0.083, 0.004, 0.01),
         Goal("wer", 0.52, 0.171, 0.006, 0.02), LR),
        (FileOf("model/model.safetensors", "weights", 0.94), _TOKENS, _CONFIG, FileOf("hyp.csv", "table", 0.06)),
        180, (60, 700), (14, 26),
        (Special("whisper-small-zeroth-final", "young", 5, model="logged"), _kept("paper-baseline-zeroth", 63)),
        young_names=("한국어 whisper-small 2차", "잡음 증강 [SNR 5-20dB]", "whisper-medium @ 8×A100"),
        dataset=("zeroth-korean", "0d77e3b1", "/data/zeroth/train.tsv", 22_263),
        tags=(("team", "speech"), ("locale", "ko-KR")),
    ),
    Recipe(
        "bert-sst2-sweep", 240, 41, 9, "glue/run_sst2.py", ("alice", "jiho"), "sst2-lr{lr}-bs{batch_size}-{seed}",
        (("model", "bert-base-uncased"), ("lr", "1e-5 2e-5 3e-5 5e-5"), ("batch_size", "16 32 64"), ("epochs", "3 4"),
         ("warmup_ratio", "0.0 0.06 0.1"), ("seed", "1 2 3 4 5 11 17 42")),
        (Goal("train_loss", 0.68, 0.06, 0.02, 0.02), Goal("eval_loss", 0.51, 0.24, 0.01, 0.03),
         Goal("eval_accuracy", 0.72, 0.928, 0.004, 0.012), LR),
        (FileOf("pytorch_model.bin", "weights", 0.95), _CONFIG, _REPORT, FileOf("eval.csv", "table", 0.05)),
        34, (6, 50), (10, 20),
        (Special("sst2-best-ensemble", "model-version", 78, model="logged"),
         Special("sst2-lr3e5-bs32-exported", "goes", 83, model="in-run")),
        (Family("sweep-{date}", 58, 5, 2), Family("sweep-{date}", 73, 3, 1), Family("sweep-{date}", 112, 4, 3),
         Family("sweep-{date}", 91, 7), Family("sweep-{date}", 203, 5), Family("sweep-{date}", 3, 15),
         Family("sweep-{date}", 8, 15), Family("sweep-{date}", 14, 12), Family("sweep-{date}", 20, 15)),
        ("sst2 first try", "sst2 first try (2)"), ("sst2 + \"quotes\" & <tags>", "テスト用-ベースライン"),
        ("glue-sst2", "71f0c2de", "hf://glue/sst2", 67_349), (("team", "language"),),
    ),
    Recipe(
        "tabular-churn", 132, 62, 5, "train_lgbm.py", ("alice", "bob"),
        "{boosting}-leaves{num_leaves}-lr{learning_rate}",
        (("boosting", "gbdt dart goss rf"), ("learning_rate", "0.01 0.05 0.10"), ("num_leaves", "31 63 127 255"),
         ("max_depth", "6 8 10"), ("min_child_samples", "20 40 80"), ("feature_fraction", "0.7 0.8 1.0"),
         ("seed", "1337"), ("n_features", "214")),
        (Goal("train_loss", 0.52, 0.12, 0.004, 0.01), Goal("val_loss", 0.55, 0.213, 0.005, 0.01),
         Goal("val_auc", 0.66, 0.926, 0.004, 0.014), Goal("epoch_s", 10.6, 10.6, 0.8, 2.0, "flat")),
        (FileOf("model.lgb", "weights", 0.85), _MATRIX, _CONFIG, _REPORT, FileOf("importance.csv", "table", 0.15)),
        44, (8, 95), (14, 28),
        (Special("lgbm-final-v1", "model-version", 96, model="in-run"),
         Special("lgbm-final-v2", "model-version", 71, model="in-run"),
         Special("lgbm-final-v3", "young", 8, model="logged"), _kept("paper-table1-lgbm", 133),
         Special("catboost-gpu-retry", "running", 41, "RUNNING"),
         Special("lgbm-holdout-leak", "goes", 69, model="in-run"),
         Special("xgb-hist-256", "goes", 63), Special("이탈예측-최종-수정2", "goes", 55),
         Special("tabnet-wide", "goes", 58, "FAILED")),
        (Family("grid-{date}", 70, 4, 1), Family("grid-{date}", 104, 3, 2), Family("grid-{date}", 48, 2, 1),
         Family("grid-{date}", 126, 5), Family("cv-5fold-{date}", 85, 4), Family("grid-{date}", 11, 8)),
        ("xgb-hist-128", "tabnet-baseline", "lgbm-dart", "lgbm-goss", "lgbm-goss-bag", "rf-500", "rf-1000",
         "extra-trees", "logreg-l1", "logreg-l2", "xgb-dart [depth=10]", "saint-s", "saint s (수정)"),
        ("xgb-onehot", "lgbm-target-enc", "stack-3", "stack-5", "이탈예측-v3-최종", "lgbm {no smote}"),
        ("churn-2026q3", "5e20aa91", "s3://growth/churn/2026q3.parquet", 412_880),
        (("team", "growth"), ("owner/on-call", "alice")),
    ),
    Recipe(
        "vit-small-cifar100", 168, 0, 6, "vit/train.py", ("jiho", "svc-train"), "vit-s{patch}-{augment}-lr{lr}",
        (("patch", "4 8"), ("augment", "randaug trivial none cutmix"), ("lr", "3e-4 5e-4 1e-3"), ("depth", "6 9 12"),
         ("heads", "6 12"), ("dropout", "0.0 0.1"), ("epochs", "100 200")),
        (Goal("train_loss", 4.5, 0.9, 0.05, 0.1), Goal("val_loss", 4.4, 1.35, 0.04, 0.1),
         Goal("val_acc", 0.03, 0.71, 0.006, 0.03), LR),
        (FileOf("best.pt", "weights", 0.97), _CONFIG, _MATRIX), 34, (30, 300), (14, 26),
        (_kept("paper-table2-vit-s4", 57), _kept("paper-table2-vit-s8", 57.4), _kept("paper-ablation-heads", 44),
         _paused("vit-s4-cutmix-long", 14)),
        (Family("aug-search-{date}", 6, 10), Family("depth-x-heads-{date}", 19, 9)),
        young_names=("cutmix p=0.5 🎲", "vit[s/4] no warmup"),
        dataset=("cifar100", "c1f4a100", "torchvision://CIFAR100", 50_000), tags=(("team", "vision"),),
    ),
    Recipe(
        "segformer-ade20k", 41, 0, 0, "seg/train.py", ("bob",), "segformer-b{variant}-crop{crop}",
        (("variant", "0 1 2 5"), ("crop", "512 640"), ("lr", "6e-5 1e-4"), ("iters", "80000 160000")),
        (Goal("loss", 3.2, 0.48, 0.05, 0.06), Goal("val_miou", 0.04, 0.437, 0.008, 0.03), LR),
        (FileOf("iter_last.pth", "weights", 0.98), FileOf("vis/val_0001.png", "image"), _CONFIG),
        90, (400, 1500), (12, 24),
        (_kept("paper-fig4-b5", 206),), tags=(("team", "vision"),),
    ),
    Recipe(
        "detr-coco", 14, 0, 0, "detr/main.py", ("jiho",), "detr-{backbone}-q{queries}",
        (("backbone", "r50 r101 swin-t"), ("queries", "100 300"), ("lr", "1e-4"), ("epochs", "50 150")),
        (Goal("loss", 18.0, 5.1, 0.2, 0.4), Goal("map", 0.01, 0.421, 0.005, 0.02, on_dataset=True), LR),
        (FileOf("checkpoint.pth", "weights", 0.98), FileOf("log.txt", "log", 0.02), _CONFIG),
        200, (700, 1500), (16, 30),
        dataset=("coco-2017", "2017c0c0", "/data/coco/train2017", 118_287), tags=(("team", "vision"),),
    ),
    Recipe(
        "gpt2-wikitext", 96, 0, 4, "lm/train_gpt2.py", ("alice", "minji"), "gpt2-{size}-ctx{context}-{optimizer}",
        (("size", "small medium"), ("context", "256 512 1024"), ("optimizer", "adamw lion sophia"),
         ("lr", "3e-4 6e-4"), ("tokens", "100M 300M 1B")),
        (Goal("train_loss", 9.8, 3.21, 0.06, 0.1), Goal("val_perplexity", 900.0, 26.4, 2.0, 3.0), LR),
        (FileOf("ckpt.pt", "weights", 0.9), _TOKENS, _CONFIG, FileOf("train.log", "log", 0.1)), 30, (40, 500), (14, 28),
        (_kept("paper-table5-lion", 75), _kept("paper-table5-adamw", 76), _paused("gpt2-medium-sophia-resume", 18)),
        young_names=("ctx1024 / rope?", "gpt2-small «retab»"), tags=(("team", "language"),),
    ),
    Recipe(
        "churn-hpo-optuna", 97, 0, 0, "hpo/optuna_study.py", ("svc-train",), "trial-{boosting}-{num_leaves}",
        (("boosting", "gbdt dart"), ("num_leaves", "15 31 63 127"), ("learning_rate", "0.0123 0.0487 0.0911 0.2034"),
         ("lambda_l1", "0.001 0.21 3.9"), ("bagging_fraction", "0.61 0.77 0.93")),
        (Goal("val_auc", 0.6, 0.918, 0.005, 0.02), Goal("val_logloss", 0.6, 0.22, 0.005, 0.02)),
        (_REPORT, FileOf("trial.txt", "log", 1.0)), 12, (1, 9), (6, 14),
        (), (Family("study-{date}", 2, 24, 0, 3), Family("study-{date}", 7, 22), Family("study-{date}", 12, 20),
             Family("study-{date}", 22, 18)),
        tags=(("team", "growth"),),
    ),
    Recipe(
        "rl-atari-ppo", 28, 11, 3, "ppo.py", ("bob", "jiho"), "{env}__ppo__{seed}",
        (("env", "Breakout Pong Qbert Seaquest"), ("seed", "1 2 3 4 5"), ("clip", "0.1 0.2"), ("gamma", "0.99 0.997")),
        (Goal("episode_return", 2.0, 310.0, 22.0, 60.0), Goal("value_loss", 2.6, 0.4, 0.08, 0.1),
         Goal("entropy", 1.38, 0.42, 0.02, 0.05)),
        (FileOf("agent.cleanrl_model", "weights", 0.9), FileOf("episodes.csv", "table", 0.1)), 26, (120, 600), (16, 30),
        (), (Family("seeds-{date}", 51, 2, 1), Family("seeds-{date}", 160, 3)),
        tags=(("team", "research"),),
    ),
    Recipe(
        "음성인식-베이스라인", 24, 0, 0, "asr/baseline.py", ("minji", "jiho"), "{구조}-{unit}-lr{lr}",
        (("구조", "conformer transformer rnnt"), ("unit", "음절 자모 bpe2k"), ("lr", "1e-3 5e-4"), ("blocks", "12 16")),
        (Goal("train_loss", 60.0, 4.1, 0.6, 0.8), Goal("cer", 0.5, 0.112, 0.006, 0.01), LR),
        (FileOf("model.pt", "weights", 0.97), FileOf("결과/혼동 행렬.png", "image"),
         FileOf("결과/오류.csv", "table", 0.03)),
        30, (60, 400), (14, 26), young_names=("콘포머 1차 실험 (학습률 0.001)", "재현 🙏"), tags=(("팀", "음성"),),
    ),
    Recipe(
        "smoke-tests", 5, 0, 2, "ci/smoke.py", ("svc-train",), "smoke-{commit}",
        (("commit", "4f9b2ce 77a01d3 c0ffee1"),), (Goal("loss", 1.0, 0.5, 0.0, 0.1),), (FileOf("out.txt", "log", 1.0),),
        1, (1, 2), (2, 4),
    ),
)  # fmt: skip

TRASHED = Recipe(
    "yolo-pilot", 9, 0, 0, "yolo/train.py", ("jiho",), "yolo-{size}-{imgsz}",
    (("size", "n s m"), ("imgsz", "640 1280"), ("lr0", "0.01")),
    (Goal("box_loss", 2.2, 0.9, 0.03, 0.05), Goal("map50", 0.05, 0.61, 0.01, 0.03)),
    (FileOf("weights/best.pt", "weights", 0.95), FileOf("results.csv", "table", 0.05)), 60, (40, 300), (12, 24),
)  # fmt: skip

BORROWS = ("음성인식-베이스라인", "whisper-ko-asr")
"""The first keeps its artifacts in the folder ``shared-artifacts`` of the second."""
