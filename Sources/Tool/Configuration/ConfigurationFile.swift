internal import Platform
internal import Query
internal import Server
internal import Yams

/// A YAML file of options: what it gives, each with its line, and what is wrong with it.
///
/// Only the shape of the document comes from YAML. Every value is taken as the text that stands
/// there and read by the setting it belongs to, so `no`, `1e3` or `012` never turn into something
/// else on the way. Groups nest (`queue: {retain: {age: 2h}}`) or are written with dots
/// (`queue.retain.age: 2h`).
package struct ConfigurationFile {
  package struct Entry: Hashable {
    package var key: String
    package var text: String
    package var line: Int

    package init(key: String, text: String, line: Int) {
      self.key = key
      self.text = text
      self.line = line
    }
  }

  /// As the operator wrote it.
  package let path: String
  package private(set) var entries: [Entry] = []
  package private(set) var faults: [ConfigurationFault] = []

  static let byteCountMax = 1 << 20

  package init(path: String, bytes: [UInt8]) {
    self.path = path
    guard let text = String(validating: bytes, as: UTF8.self) else {
      faults = [ConfigurationFault("\(path) is not UTF-8 text; expected a YAML file")]
      return
    }
    do {
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      if let root = try parser.singleRoot() { read(root) }
    } catch {
      faults.append(Self.fault(error, path: path))
    }
  }

  /// Reads a file; a file that cannot be read is one fault.
  static func open(_ path: String) -> Result<ConfigurationFile, ConfigurationFault> {
    do throws(SystemError) {
      let bytes = try RealDisk().read(path, byteCountMax: byteCountMax + 1)
      guard bytes.count <= byteCountMax else {
        return .failure(ConfigurationFault("\(path) is larger than 1MiB; expected a YAML file"))
      }
      return .success(ConfigurationFile(path: path, bytes: bytes))
    } catch {
      return .failure(ConfigurationFault("cannot read the config file \(path): \(error.reason)"))
    }
  }

  // MARK: The document

  private mutating func read(_ root: Node) {
    if case .mapping(let mapping) = root { return read(mapping, prefix: "") }
    if let scalar = root.scalar, Self.isEmpty(scalar) { return }
    complain(root, "expected options such as \"data: /var/lib/varve\"")
  }

  private mutating func read(_ mapping: Node.Mapping, prefix: String) {
    for (node, value) in mapping {
      guard let name = node.scalar?.string, !name.isEmpty else {
        complain(node, "expected the name of an option")
        continue
      }
      read(prefix + name, value, line: node.line)
    }
  }

  private mutating func read(_ key: String, _ value: Node, line: Int) {
    if let setting = Settings.byKey[key] { return take(setting, value, line: line) }
    let members = Settings.all.map(\.key).filter { $0.hasPrefix(key + ".") }
    guard !members.isEmpty else { return complainOfUnknown(key, value, line: line) }
    switch value {
    case .mapping(let mapping): read(mapping, prefix: key + ".")
    case .scalar(let scalar) where Self.isEmpty(scalar): return
    default:
      complain(
        line: line,
        "\(key) is a group, not an option; expected \(members.joined(separator: ", ")) in it"
      )
    }
  }

  private mutating func take(_ setting: Setting, _ value: Node, line: Int) {
    let expected = "expected \(setting.kind.expectation)"
    guard let scalar = value.scalar else {
      return complain(line: line, "\(setting.key) has several values; \(expected)")
    }
    guard !Self.isEmpty(scalar) else {
      return complain(line: line, "\(setting.key) has no value; \(expected)")
    }
    if let earlier = entries.first(where: { $0.key == setting.key }) {
      return complain(line: line, "\(setting.key) stands in line \(earlier.line) already")
    }
    guard setting.kind.value(of: scalar.string) != nil else {
      let place = "\(path):\(line): \(setting.key)"
      faults.append(.value(scalar.string, of: setting, at: place))
      return
    }
    entries.append(Entry(key: setting.key, text: scalar.string, line: line))
  }

  /// Nothing, `~` or `null`, unquoted.
  private static func isEmpty(_ scalar: Node.Scalar) -> Bool {
    guard scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  // MARK: Faults

  private mutating func complain(_ node: Node, _ message: String) {
    complain(line: node.line, message)
  }

  private mutating func complain(line: Int, _ message: String) {
    faults.append(ConfigurationFault("\(path):\(line): \(message)"))
  }

  /// Among what was meant are groups too: first where the key holds a group, else behind options.
  private mutating func complainOfUnknown(_ key: String, _ value: Node, line: Int) {
    let (options, groups) = (Settings.all.map(\.key), Settings.groups)
    let isGroup = if case .mapping = value { true } else { false }
    let near = NearName.suggestion(for: key, among: isGroup ? groups + options : options + groups)
    let hint = near.map { "did you mean \($0)?" } ?? "varve config show lists all options"
    complain(line: line, "there is no option \(LogText.escape(key)); \(hint)")
  }

  private static func fault(_ error: any Error, path: String) -> ConfigurationFault {
    guard let error = error as? YamlError else { return ConfigurationFault("\(path): \(error)") }
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let about = context.map { about in
        let line = about.mark.line
        return " \(about.text)" + (line == mark.line ? "" : ", begun in line \(line)")
      }
      return ConfigurationFault("\(path):\(mark.line): not YAML: \(problem)\(about ?? "")")
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.map { LogText.escape($0) }.joined(separator: ", ")
      return ConfigurationFault(
        "\(path):\(context.mark.line): \(names) stands more than once in its group"
      )
    case .reader(let problem, let offset, _, _):
      let place = offset.map { " at character \($0 + 1)" } ?? ""
      return ConfigurationFault("\(path): not YAML: \(problem)\(place)")
    default: return ConfigurationFault("\(path): not YAML: \(error)")
    }
  }
}

extension Node {
  /// From 1.
  fileprivate var line: Int { mark?.line ?? 1 }
}
