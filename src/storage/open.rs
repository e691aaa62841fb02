//! Opens the container of a location.

use std::sync::Arc;

use super::{Container, Location, Settings, StorageError, azure, s3};

/// Opens the container of a location. Credentials are looked up; no object is requested yet.
///
/// # Errors
/// [`StorageError::Setup`] if there is no usable access.
pub fn open(location: &Location, settings: &Settings) -> Result<Arc<dyn Container>, StorageError> {
    match location {
        Location::S3 { bucket, .. } => Ok(Arc::new(s3::Bucket::open(bucket, settings)?)),
        Location::Azure { account, service, container, .. } => {
            Ok(Arc::new(azure::BlobContainer::open(account, service.as_ref(), container, settings)?))
        }
    }
}
