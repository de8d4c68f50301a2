internal import Logging
internal import Platform

/// What every part of an engine is handed.
struct EngineParts: Sendable {
  var configuration: EngineConfiguration
  var disk: any Disk
  var clock: any Clock
  var logger: Logger
  var authorizer: any Authorizer
  var pool: QueryPool
  var threading: Engine.Threading
  /// Set once the directory is open.
  var cold = ColdTier(reader: nil)
}
