# Needs: the weights that an encoder of architecture "pretrained" names.
# Makes: a copy of them among the run's models, from where all else goes on as with trained ones.

from neuralsampleid.models.weights import weights_file


def named_weights(encoder):
    """The file of an encoder's pretrained weights, or one line that says what is wrong."""
    try:
        return str(weights_file(CONFIG.encoders[encoder].weights))
    except UserError as error:
        raise WorkflowError(f"encoders.{encoder}.weights: {error}") from None


WEIGHTS = {name: named_weights(name) for name in READY}


rule take_weights:
    input:
        weights=lambda wildcards: WEIGHTS[wildcards.encoder],
    output:
        weights=f"{RUN}/models/{{encoder}}/trained.pt",
    log:
        f"{RUN}/logs/take_weights_{{encoder}}.log",
    benchmark:
        f"{RUN}/benchmarks/take_weights_{{encoder}}.tsv"
    wildcard_constraints:
        encoder="|".join(READY),
    conda:
        f"../envs/torch_{BUILD}.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        encoder=encoder_fingerprints,
    message:
        "Taking the weights of encoder {wildcards.encoder} from {input}"
    script:
        "../scripts/take_weights.py"
