data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.region

  # Named here rather than read from the functions, because a function's log group and role are made before it.
  function_names = {
    for name, ending in {
      agent            = "agent"
      api_handler      = "api" # Chalice fixes the first name.
      progress_reader  = "progress-reader"
      run_closer       = "run-closer"
      run_starter      = "run-starter"
      status_publisher = "status-publisher"
    } : name => "${var.name_prefix}runcast-${ending}"
  }
}
