output "frontend_config" {
  description = "What createRuncast and Amplify.configure take."
  value       = module.runcast.frontend_config
}

output "runcast" {
  description = "All outputs of the module: make verify reads them."
  value       = module.runcast
  sensitive   = true # The API key is one of them.
}
