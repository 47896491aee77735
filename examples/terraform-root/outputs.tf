output "frontend" {
  description = "What a frontend needs to know."
  value = {
    graphql_url         = module.runcast.graphql_url
    realtime_url        = module.runcast.realtime_url
    rest_url            = module.runcast.rest_url
    region              = module.runcast.region
    user_pool_id        = module.runcast.user_pool_id
    user_pool_client_id = module.runcast.user_pool_client_id
  }
}

output "runcast" {
  description = "All outputs of the module: make verify reads them."
  value       = module.runcast
  sensitive   = true # The API key is one of them.
}
