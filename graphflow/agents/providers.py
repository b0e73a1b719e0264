"""The providers that models are named by: where they are, and the variable that their key stands in.

All of them speak OpenAI's chat completions; facts are from their own documentation of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Provider:
    """``url`` is its OpenAI-compatible base URL. A local one wants no key unless it was started with one.

    ``host_variable`` names a variable that says where it is as ``host:port``, besides ``<NAME>_BASE_URL``.
    """

    name: str
    url: str
    key_variable: str
    is_local: bool = False
    constrains_output: bool = True  # False: it ignores or refuses a JSON schema for the output
    host_variable: str = ""

    def base_url(self, environ: Mapping[str, str]) -> str:
        """Where it is, by the environment or by default."""
        given = environ.get(f"{self.name.upper()}_BASE_URL")
        if given:
            return given
        host = environ.get(self.host_variable, "").strip() if self.host_variable else ""
        return _at(host, self.url) if host else self.url


def _at(host: str, default: str) -> str:
    """The default URL at another host: ``host``, ``host:port`` or ``https://host``, as Ollama takes it.

    >>> _at("0.0.0.0", "http://localhost:11434/v1"), _at("https://gpu.example.com", "http://localhost:11434/v1")
    ('http://127.0.0.1:11434/v1', 'https://gpu.example.com:443/v1')
    """
    usual = urlsplit(default)
    scheme, slashes, rest = host.partition("://")
    if not slashes:
        scheme, rest = usual.scheme, host
    given = urlsplit(f"{scheme}://{rest}")
    name = given.hostname or usual.hostname or ""
    if name in ("0.0.0.0", "::"):
        name = "127.0.0.1"  # where it listens, for any address, is not where one asks it
    name = f"[{name}]" if ":" in name else name
    implied = {"http": 80, "https": 443}.get(scheme) if slashes else usual.port
    return f"{scheme}://{name}:{given.port or implied}{given.path.rstrip('/') or usual.path}"


PROVIDERS: dict[str, Provider] = {
    one.name: one
    for one in (
        Provider("ollama", "http://localhost:11434/v1", "OLLAMA_API_KEY", is_local=True, host_variable="OLLAMA_HOST"),
        Provider("lmstudio", "http://localhost:1234/v1", "LMSTUDIO_API_KEY", is_local=True),
        Provider("llamacpp", "http://localhost:8080/v1", "LLAMACPP_API_KEY", is_local=True),
        Provider("vllm", "http://localhost:8000/v1", "VLLM_API_KEY", is_local=True),
        Provider("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", constrains_output=False),
        Provider("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
        Provider("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", constrains_output=False),
        Provider("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
        Provider("gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
        Provider("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        Provider("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN"),
        Provider("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        Provider("nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
        Provider("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        Provider("together", "https://api.together.ai/v1", "TOGETHER_API_KEY"),
        Provider("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    )
}
"""By name, as in ``groq/llama-3.3-70b``. What is not here is used by its base URL."""
