internal import Engine
internal import Platform
internal import Server

/// What keeps a server from starting although each option by itself may be meant, as far as that
/// can be told without starting: `varve config check` and `varve serve` refuse the same.
extension Resolution {
  /// All faults, those of single values first.
  ///
  /// - Parameter disk: where a data directory would remember its cold store.
  func startFaults(_ disk: any Disk) -> [ConfigurationFault] {
    faults + missingDirectory + portClash + shortAge + missingColdStore(disk)
  }

  private var missingDirectory: [ConfigurationFault] {
    // One that was given and is wrong is told already.
    guard configuration.engine.dataDirectory.isEmpty, faults.isEmpty else { return [] }
    return [
      ConfigurationFault(
        "no data directory; give --data DIR, VARVE_DATA or \"data: DIR\" in a --config file"
      )
    ]
  }

  /// Both listeners at one port.
  var portClash: [ConfigurationFault] {
    let (lines, http) = (configuration.server.lines, configuration.server.http)
    guard lines.clashes(with: http) else { return [] }
    return [
      ConfigurationFault(
        "line.tcp is \(lines) (\(place(of: "line.tcp"))) and http.listen is \(http) "
          + "(\(place(of: "http.listen"))); expected two different ports"
      )
    ]
  }

  /// An age that is less than the whole hours that retention counts in.
  var shortAge: [ConfigurationFault] {
    let age = configuration.engine.retention.ageNanoseconds
    guard age > 0, age < RetentionText.ageMin else { return [] }
    return [
      ConfigurationFault(
        "retention.age is \(SettingUnits.text(nanoseconds: age)) (\(place(of: "retention.age"))); "
          + "expected 0, which keeps everything, or 1h or more"
      )
    ]
  }

  /// Blocks are to move and nobody says where to.
  private func missingColdStore(_ disk: any Disk) -> [ConfigurationFault] {
    let (cold, data) = (configuration.engine.cold, configuration.engine.dataDirectory)
    guard cold.movesBlocks, cold.location.isEmpty, !data.isEmpty,
      (try? disk.byteCount(of: DataDirectory(data).coldStore)) == nil
    else { return [] }
    return [
      ConfigurationFault(
        "cold.after, cold.local-bytes or cold.rules is set and no cold.directory"
      )
    ]
  }

  private func place(of key: String) -> String {
    settings.first { $0.setting.key == key }?.source.place ?? "default"
  }
}
