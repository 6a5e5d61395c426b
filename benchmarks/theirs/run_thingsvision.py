"""thingsvision's own way to features, in its own environment: see `benchmarks.extractors`, which starts it."""

from __future__ import annotations

import json
import sys

import torch
from thingsvision import get_extractor
from thingsvision.utils.data import DataLoader, ImageDataset
from thingsvision.utils.storing import save_features

from benchmarks.clocks import clocks


def main() -> None:
    """Takes the model, its weights, the folder of pictures, a folder to write to and the batch; tells its seconds."""
    model, weights, pictures, out, batch = sys.argv[1:]
    extractor = get_extractor(model_name=model, source="timm", device="cpu", pretrained=False)
    extractor.model.load_state_dict(torch.load(weights), strict=False)
    extractor.model(torch.rand(int(batch), 3, 224, 224))
    began = clocks()
    transforms = extractor.get_transformations()
    backend = extractor.get_backend()
    dataset = ImageDataset(root=pictures, out_path=out, backend=backend, transforms=transforms)
    batches = DataLoader(dataset=dataset, batch_size=int(batch), backend=backend)
    features = extractor.extract_features(
        batches=batches, module_name="global_pool", flatten_acts=True, output_type="ndarray"
    )
    save_features(features, out_path=out, file_format="npy")
    taken = (clocks() - began).tolist()
    print(json.dumps({"seconds": taken, "features": f"{out}/features.npy", "torch": torch.__version__}))


if __name__ == "__main__":
    main()
