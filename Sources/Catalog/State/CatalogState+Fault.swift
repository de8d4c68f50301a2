extension CatalogState {
  /// What is wrong with a definition.
  enum Fault: Equatable {
    /// It contradicts others, or cannot be.
    case wrong(String)
    /// It refers to what is not defined, at least not yet.
    case undefined(String, Reference)

    var text: String {
      switch self {
      case .wrong(let text), .undefined(let text, _): text
      }
    }
  }

  /// What a definition may refer to.
  enum Reference: Equatable {
    case tenant(UInt32)
    case measurement(UInt32)
    case field(UInt32)
    case fieldSet(UInt32)
    case series(UInt32)

    var text: String {
      switch self {
      case .tenant(let id): "tenant \(id)"
      case .measurement(let id): "measurement \(id)"
      case .field(let id): "field \(id)"
      case .fieldSet(let id): "field set \(id)"
      case .series(let id): "series \(id)"
      }
    }
  }

  func isDefined(_ reference: Reference) -> Bool {
    switch reference {
    case .tenant(let id): tenants.isDefined(id)
    case .measurement(let id): measurements.definition(id) != nil
    case .field(let id): fields.definition(id) != nil
    case .fieldSet(let id): fieldSets.measurement(of: id) != nil
    case .series(let id): series.measurement(of: id) != nil
    }
  }

  /// The fault of a definition, `what`, that refers to something undefined.
  func undefined(_ what: String, _ reference: Reference) -> Fault {
    .undefined("\(what) refers to \(reference.text), which is not defined", reference)
  }
}
