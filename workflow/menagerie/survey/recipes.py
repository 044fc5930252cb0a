"""The recipe of every result of a run: the one place that says what a result depends on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from menagerie.linking.measures import measure, module_of
from menagerie.provenance.code import code_of
from menagerie.provenance.recipe import Recipe
from menagerie.survey.config import shipped
from menagerie.survey.contents import TWIN_SPECS
from menagerie.survey.replication import COMPARED
from menagerie.survey.score_sources import table_files, without_files
from menagerie.survey.source_recipes import InventoryMissingError, SourceRecipes
from menagerie.twins.twin_keys import LAION_TWIN, NSD_TWIN

__all__ = ["InventoryMissingError", "Recipes"]


class Recipes(SourceRecipes):
    """Recipes of a run: those of :class:`~menagerie.survey.source_recipes.SourceRecipes`, of scores and of analyses."""

    # ---- scores

    def score(self, model: str, dataset: str, subject: str) -> Recipe:
        """Scores of all layers of a model in one subject; jobs for single layers share the recipe."""
        one = self.survey.datasets[dataset]
        upstream = {
            "geometry": self.fingerprint("extract_geometry", stimuli=one.stimuli, model=model),
            "target": self.target(dataset, subject),
            "splits": self.fingerprint("define_splits", dataset=dataset),
        }
        if one.groups and self.survey.tested_layers:
            upstream["groups"] = self.fingerprint("define_groups", dataset=dataset)
        settings = {"regions": sorted(one.regions) if one.regions else "all", "measures": self._measured}
        wildcards = {"model": model, "dataset": dataset, "subject": subject}
        also = (*self._extras, *map(module_of, self.survey.config["metrics"]))
        return self._recipe("score", wildcards, settings, also, upstream=upstream)

    @cached_property
    def _measured(self) -> dict[str, dict]:
        """Metric -> what its scores depend on besides data: code, versions and settings of this metric alone."""
        found = {}
        for metric in self.survey.config["metrics"]:
            code = code_of(self.scripts / "score.py", tuple(sorted({*self._extras, module_of(metric)})))
            settings = {key: self.survey.config[key] for key in measure(metric).settings}
            settings |= {"permutations": self.survey.tested_layers} if self.survey.tested_layers else {}
            found[metric] = {"code": code.fingerprint, "versions": dict(code.versions), "settings": settings}
        return found

    @property
    def _extras(self) -> tuple[str, ...]:
        """Modules that the job imports only where the config asks for what they do."""
        gpu = ("menagerie.features.device",) if self.survey.config["score_on"] == "gpu" else ()
        return (*gpu, "menagerie.linking.layer_p") if self.survey.tested_layers else gpu

    def collect_model(self, model: str) -> Recipe:
        """Scores of all layers of a model, every subject."""
        upstream = {
            f"scores of {dataset}/{subject}": self.fingerprint("score", model=model, dataset=dataset, subject=subject)
            for dataset, subject in self.survey.subjects
        }
        return self._recipe("collect_model", {"model": model}, upstream=upstream)

    def select_layers(self, model: str) -> Recipe:
        """Selected layers of a model."""
        upstream = {"scores": self.fingerprint("collect_model", model=model)}
        for stimuli in self.survey.stimuli:
            upstream[f"geometry over {stimuli}"] = self.fingerprint("extract_geometry", stimuli=stimuli, model=model)
        for dataset, subject in self.survey.subjects:
            upstream[f"target {dataset}/{subject}"] = self.target(dataset, subject)
        for dataset in self.survey.datasets:
            upstream[f"splits of {dataset}"] = self.fingerprint("define_splits", dataset=dataset)
        for dataset in self.survey.grouped:
            upstream[f"groups of {dataset}"] = self.fingerprint("define_groups", dataset=dataset)
        ways = {name: [how.label for how in one.select_on] for name, one in self.survey.datasets.items()}
        settings = self.survey.stage_params("evaluate") | {"select_on": ways}
        also = map(module_of, self.survey.config["metrics"])
        return self._recipe("select_layers", {"model": model}, settings, also, upstream=upstream)

    def collect_tables(self) -> Recipe:
        """Tables of the run."""
        upstream = {}
        for model in self.survey.models:
            upstream[f"scores of {model}"] = self.fingerprint("collect_model", model=model)
            upstream[f"selected layers of {model}"] = self.fingerprint("select_layers", model=model)
        return self._recipe("collect_tables", {}, list(self.survey.models), upstream=upstream)

    def models_table(self) -> Recipe:
        """What is known of the run's models."""
        return self._recipe("models_table", {}, [spec.as_row() for spec in self.survey.models.values()])

    # ---- tables of scores

    def score_tables(self) -> Recipe:
        """Scores of others as tables of a run."""
        rows = [spec.as_row() for spec in self.survey.models.values()]
        entries = {name: without_files(entry) for name, entry in self.survey.config["scores"].items()}
        files = {
            f"{name}, {label}": path
            for name, entry in self.survey.config["scores"].items()
            if name != self.survey.survey_dataset
            for label, path in table_files(entry).items()
        }
        sources = self.survey.digests.sources(files) | self._published
        return self._recipe("score_tables", {}, {"models": rows, "scores": entries}, sources=sources)

    def published_similarity(self, dataset: str) -> Recipe:
        """The survey's published similarities of models."""
        names = {name: spec.metadata["published_id"] for name, spec in self.survey.models.items()}
        return self._recipe("published_similarity", {"dataset": dataset}, names, sources=self._published)

    def reproduce(self) -> Recipe:
        """Every printed number of the survey."""
        rows = [spec.as_row() for spec in self.survey.models.values()]
        sources = self._published | {"experiments": self.survey.digests.file(self.survey.experiments_file)}
        return self._recipe("reproduce", {}, rows, sources=sources)

    @property
    def _published_rows(self) -> list[dict]:
        """What the table of models knows of the published ones."""
        return [spec.as_row() for spec in self.survey.registry.values() if spec.metadata["published_id"]]

    @cached_property
    def _published(self) -> dict[str, str]:
        """Published files of a copy; downloaded ones are checked against known digests."""
        if not self.survey.survey_dataset and "standing" not in self.survey.config:
            return {}
        files = self.survey.published_files
        return self.survey.digests.sources(files) if self.survey.published_copy else {}

    def write_nsd_twin(self) -> Recipe:
        """A simulated twin of NSD with planted layers."""
        return self._twin(NSD_TWIN)

    def write_laion_twin(self) -> Recipe:
        """A simulated twin of LAION-fMRI with planted layers."""
        return self._twin(LAION_TWIN)

    def _twin(self, kind: str) -> Recipe:
        models = self.survey.twin_models(kind)
        upstream = {f"weights of {model}": self.weights(model) for model in models}
        also = [name for model in models for name in self._provider(model)]
        sources = {"spec": self.survey.digests.file(shipped(TWIN_SPECS[kind]))}
        networks = [self.network(model) for model in models]
        return self._recipe(f"write_{kind}_twin", {}, networks, also, sources, upstream)

    # ---- analyses

    def experiment(self, experiment: str) -> Recipe:
        """Data and effects of one experiment."""
        wildcards = {"experiment": experiment}
        upstream = self._tables | ({} if self.survey.from_tables else self._selected)
        return self._recipe("experiment", wildcards, self.experiments[experiment], upstream=upstream)

    def overall(self) -> Recipe:
        """What scores go along with, over all models."""
        bootstrap = self.survey.stage_params("overall")
        return self._recipe("overall", {}, bootstrap | self._stimulus_sets, upstream=self._tables | self._geometries())

    def model_to_model(self, dataset: str, subject: str) -> Recipe:
        """How alike the selected layers of every two models are."""
        if self.survey.from_tables:
            return self.published_similarity(dataset)
        upstream = self._tables | self._geometries(self.survey.datasets[dataset].stimuli)
        upstream["target"] = self.target(dataset, subject)
        upstream["splits"] = self.fingerprint("define_splits", dataset=dataset)
        wildcards = {"dataset": dataset, "subject": subject}
        return self._recipe("model_to_model", wildcards, self.survey.stage_params("score"), upstream=upstream)

    def compare_pairs(self, dataset: str, subject: str) -> Recipe:
        """Models against each other in one subject."""
        one = self.survey.datasets[dataset]
        upstream = self._geometries(one.stimuli) | self._selected
        upstream["target"] = self.target(dataset, subject)
        upstream["splits"] = self.fingerprint("define_splits", dataset=dataset)
        if one.groups:
            upstream["groups"] = self.fingerprint("define_groups", dataset=dataset)
        wildcards = {"dataset": dataset, "subject": subject}
        return self._recipe("compare_pairs", wildcards, self.survey.stage_params("pairwise"), upstream=upstream)

    def pairwise(self) -> Recipe:
        """Models against each other in every subject."""
        upstream = {
            f"pairs in {dataset}/{subject}": self.fingerprint("compare_pairs", dataset=dataset, subject=subject)
            for dataset, subject in self.survey.subjects
        }
        return self._recipe("pairwise", {}, upstream=upstream)

    def standing(self) -> Recipe:
        """Place of the run's models among the published ones."""
        settings = self.survey.stage_params("standing") | self._stimulus_sets | {"published": self._published_rows}
        upstream = self._tables | self._similarities
        return self._recipe("standing", {}, settings, sources=self._published, upstream=upstream)

    def build_new_images(self, images: str) -> Recipe:
        """A folder of new images as a stimulus set."""
        sources = self.survey.digests.sources(self.survey.new_images[images].files)
        return self._recipe("build_new_images", {"images": images}, sources=sources)

    def predict(self, images: str, dataset: str, model: str) -> Recipe:
        """Responses to new images."""
        one = self.survey.datasets[dataset]
        settings = self.network(model) | {name: self.survey.stage_params(name) for name in ("extract", "score")}
        settings |= self.survey.new_images[images].layers(one)
        upstream = {
            "images": self.fingerprint("build_new_images", images=images),
            "stimuli": self.fingerprint("build_stimuli", stimuli=one.stimuli),
            "geometry": self.fingerprint("extract_geometry", stimuli=one.stimuli, model=model),
            "selected layers": self.fingerprint("select_layers", model=model),
            "splits": self.fingerprint("define_splits", dataset=dataset),
        }
        upstream |= {f"target {subject}": self.target(dataset, subject) for subject in one.subjects}
        wildcards = {"images": images, "dataset": dataset, "model": model}
        return self._recipe("predict", wildcards, settings, self._provider(model), self._files(model), upstream)

    def replication(self) -> Recipe:
        """Findings of one dataset in others."""
        compared = {key: self.survey.config["replication"][key] for key in COMPARED}
        upstream = self._tables | ({} if self.survey.from_tables else self._selected)
        return self._recipe("replication", {}, [compared, self.experiments], upstream=upstream)

    def plot_replication(self) -> Recipe:
        """Findings by datasets, person by person."""
        return self._recipe("plot_replication", {}, self.experiments, upstream=self._replication)

    def replication_page(self) -> Recipe:
        """The page of the findings."""
        upstream = self._replication | {"figure": self.fingerprint("plot_replication")}
        parts = [self.scripts.parent / "report" / name for name in ("replication.html.j2", "report.css")]
        sources = {"page": self.survey.digests.listing(parts)}
        settings = [self.experiments, self.survey.config["replication"], self.survey.config["run"]]
        return self._recipe("replication_page", {}, settings, sources=sources, upstream=upstream)

    @property
    def _replication(self) -> dict[str, str]:
        return {"replication": self.fingerprint("replication")}

    def of_tables(self, rule: str, **wildcards: str) -> Recipe:
        """What is made from the run's tables alone: for rules that have no method here."""
        return self._recipe(rule, wildcards, upstream=self._tables)

    @property
    def _tables(self) -> dict[str, str]:
        if self.survey.from_tables:
            return {"tables": self.fingerprint("score_tables")}
        return {"tables": self.fingerprint("collect_tables"), "models": self.fingerprint("models_table")}

    @property
    def _selected(self) -> dict[str, str]:
        models = self.survey.models
        return {f"selected layers of {model}": self.fingerprint("select_layers", model=model) for model in models}

    @property
    def _stimulus_sets(self) -> dict:
        return {"stimuli": {name: dataset.stimuli for name, dataset in self.survey.datasets.items()}}

    def _geometries(self, *stimuli: str) -> dict[str, str]:
        if self.survey.from_tables:
            return {}
        return {
            f"geometry of {model} over {images}": self.fingerprint("extract_geometry", stimuli=images, model=model)
            for images in stimuli or self.survey.stimuli
            for model in self.survey.models
        }

    @property
    def _similarities(self) -> dict[str, str]:
        if "model_to_model" not in self.survey.config["experiments"]:
            return {}
        return {
            f"similarity in {dataset}/{subject}": self.fingerprint("model_to_model", dataset=dataset, subject=subject)
            for dataset, subject in self.survey.mapped
        }

    @property
    def _experiments(self) -> dict[str, str]:
        return {name: self.fingerprint("experiment", experiment=name) for name in self.experiments}

    # ---- figures and report

    def plot_depth(self, dataset: str) -> Recipe:
        """Score against depth."""
        one = self.survey.views[dataset].dataset
        planted = {"planted": one.options.get("planted")} if one.simulated else {}
        upstream = self._tables | self._planted_inventories([one.name])
        return self._recipe("plot_depth", {"dataset": dataset}, planted, self._reader_code(one), upstream=upstream)

    def plot_experiment(self, experiment: str) -> Recipe:
        """One experiment in every dataset."""
        return self._of_experiment("plot_experiment", experiment)

    def plot_people(self, experiment: str) -> Recipe:
        """One experiment subject by subject."""
        return self._of_experiment("plot_people", experiment)

    def _of_experiment(self, rule: str, experiment: str) -> Recipe:
        upstream = {"data": self.fingerprint("experiment", experiment=experiment)}
        settings = [list(self.survey.views), self.experiments[experiment]]
        return self._recipe(rule, {"experiment": experiment}, settings, upstream=upstream)

    def plot_overall(self) -> Recipe:
        """Variation over all models."""
        return self._recipe("plot_overall", {}, list(self.survey.views), upstream={"data": self.fingerprint("overall")})

    def plot_supplement(self) -> Recipe:
        """What the variation over all models rests on."""
        upstream = {"data": self.fingerprint("overall")}
        return self._recipe("plot_supplement", {}, list(self.survey.views), upstream=upstream)

    def plot_model_to_model(self, dataset: str) -> Recipe:
        """Map of the models."""
        similar = {
            name: value for name, value in self._similarities.items() if name.startswith(f"similarity in {dataset}/")
        }
        upstream = similar | self._tables | self._experiments
        return self._recipe("plot_model_to_model", {"dataset": dataset}, self.experiments, upstream=upstream)

    def plot_overview(self, dataset: str) -> Recipe:
        """Overview of a dataset."""
        one = self.survey.datasets[dataset]
        upstream = self._tables | self._geometries(one.stimuli) | self._experiments
        upstream |= {f"target {subject}": self.target(dataset, subject) for subject in one.subjects}
        upstream["splits"] = self.fingerprint("define_splits", dataset=dataset)
        settings = self.survey.stage_params("score")
        return self._recipe("plot_overview", {"dataset": dataset}, settings, upstream=upstream)

    def report(self) -> Recipe:
        """The page; it prints the whole config."""
        upstream = (
            self._tables | self._similarities | self._experiments | self._planted_inventories(self.survey.datasets)
        )
        upstream |= {} if self.survey.from_tables else self._inventories(self.survey.models)
        for name in self.survey.drawn_experiments:
            for rule in ("plot_experiment", "plot_people"):
                upstream[f"{rule} of {name}"] = self.fingerprint(rule, experiment=name)
        for view in self.survey.views:
            upstream |= {f"{rule} of {view}": self.fingerprint(rule, dataset=view) for rule in self._view_figures}
        for dataset in self.survey.datasets:
            figures = self._dataset_figures(dataset)
            upstream |= {f"{rule} of {dataset}": self.fingerprint(rule, dataset=dataset) for rule in figures}
        upstream |= {rule: self.fingerprint(rule) for rule in self._run_results}
        settings = {
            "config": dict(self.survey.config),
            "left_out": self.survey.left_out,
            "experiments": self.experiments,
        }
        parts = sorted((self.scripts.parent / "report").iterdir())
        return self._recipe(
            "report", {}, settings, sources={"page": self.survey.digests.listing(parts)}, upstream=upstream
        )

    @property
    def _view_figures(self) -> list[str]:
        return ["plot_leaderboard"] + ([] if self.survey.from_tables else ["plot_depth"])

    def _dataset_figures(self, dataset: str) -> list[str]:
        chosen = self.survey.config["experiments"]
        drawn = ["plot_overview"] if chosen and not self.survey.from_tables else []
        mapped = "model_to_model" in chosen and dataset in dict(self.survey.mapped)
        return drawn + (["plot_model_to_model"] if mapped else [])

    @property
    def _run_results(self) -> list[str]:
        overall = (
            ["overall", "plot_overall", "plot_supplement"] if "overall" in self.survey.config["experiments"] else []
        )
        published = ["reproduce"] if self.survey.survey_dataset else []
        return [*overall, *published, *(["standing"] if "standing" in self.survey.config else [])]

    def _planted_inventories(self, datasets: Iterable[str]) -> dict[str, str]:
        models = [
            m for name in datasets if self.survey.datasets[name].simulated for m in self.survey.planted_models(name)
        ]
        return self._inventories(models)

    def _inventories(self, models: Iterable[str]) -> dict[str, str]:
        return {f"layers of {model}": self.fingerprint("list_layers", model=model) for model in dict.fromkeys(models)}
