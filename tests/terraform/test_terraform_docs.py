"""The tables in `terraform/README.md` are up to date and correctly generated."""

from pathlib import Path

from packager.terraform_docs import document

MODULE = """
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.37, < 7"
    }
  }
}

variable "wanted" {
  description = <<-EOT
    One | two,
    and "three".
  EOT
  type        = object({ ids = list(string), name = optional(string) })
}

variable "level" {
  description = "How loud."
  type        = string
  default     = "ERROR"
}

variable "many" {
  description = "Which."
  type        = list(string)
  default     = null
}

output "key" {
  description = "What opens it."
  value       = "x"
  sensitive   = true
}
"""
TABLES = r"""
## Requirements

| Name | Version |
|---|---|
| terraform | >= 1.9 |
| aws | >= 6.37, < 7 |

## Inputs

| Name | Description | Type | Default | Required |
|---|---|---|---|---|
| `level` | How loud. | `string` | `"ERROR"` | no |
| `many` | Which. | `list(string)` | `null` | no |
| `wanted` | One \| two, and "three". | `object({ids = list(string), name = optional(string)})` | n/a | yes |

## Outputs

| Name | Description | Sensitive |
|---|---|---|
| `key` | What opens it. | yes |

"""


def test_the_tables_hold_what_a_module_declares(tmp_path: Path):
    (tmp_path / "main.tf").write_text(MODULE)
    readme = "Before.\n<!-- BEGIN_TF_DOCS -->old<!-- END_TF_DOCS -->\nAfter.\n"
    expected = f"Before.\n<!-- BEGIN_TF_DOCS -->{TABLES}<!-- END_TF_DOCS -->\nAfter.\n"
    assert document(tmp_path, readme) == expected


def test_the_readme_of_the_module_is_as_it_would_be_written(project: Path):
    readme = (project / "terraform" / "README.md").read_text()
    assert document(project / "terraform", readme) == readme, "Run `make terraform-docs`."
